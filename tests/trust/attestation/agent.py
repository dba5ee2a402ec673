"""The guest agent of dstack as ``dstack-sdk`` calls it: JSON over HTTP on a Unix socket, a real one."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from tests.trust.attestation.platform import Platform

__all__ = ["Agent", "guest_agent"]


class Agent:
    """What it answers.

    Attributes:
        asked: method and argument of each call.
        key: of the key service, 32 bytes.
        answers: what is said instead, by method.
    """

    def __init__(self, platform: Platform | None, key: bytes) -> None:
        self.platform = platform
        self.key = key
        self.asked: list[tuple[str, Any]] = []
        self.answers: dict[str, tuple[int, Any]] = {}

    def answer(self, method: str, argument: dict[str, Any]) -> tuple[int, Any]:
        self.asked.append((method, argument))
        if method in self.answers:
            return self.answers[method]
        if method == "GetQuote" and self.platform is not None:
            quote = self.platform.quote(bytes.fromhex(argument["report_data"]))
            log = json.dumps(
                [{"imr": 3, "event_type": 1, "digest": "00" * 48, "event": "app-id", "event_payload": "aa"}]
            )
            return 200, {
                "quote": quote.hex(),
                "event_log": log,
                "report_data": argument["report_data"],
                "vm_config": "",
            }
        if method == "GetKey":
            return 200, {"key": self.key.hex(), "signature_chain": []}
        return 404, {"error": "no such method"}


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


@contextmanager
def guest_agent(path: Path, platform: Platform | None = None, key: bytes = b"k" * 32) -> Iterator[Agent]:
    """Listens on that path for a block."""
    agent = Agent(platform, key)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            argument = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, value = agent.answer(self.path.removeprefix("/"), argument)
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "agent"

        def log_message(self, *_arguments: object) -> None: ...

    with _Server(str(path), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield agent
        finally:
            server.shutdown()
            thread.join()

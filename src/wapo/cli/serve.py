"""``wapo serve``: a node that answers HTTP."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import structlog
import typer
import uvicorn

from wapo.cli.main import run_async
from wapo.cli.options import DataDir, MaxBurst, MaxMemory, MaxTime, Upstreams, limits_of, settings_of
from wapo.cli.output import fail, note, working
from wapo.cli.values import size_option
from wapo.cli.workers import Inherited, supervise
from wapo.gateway.agents import ResponseCut
from wapo.gateway.app import Gateway
from wapo.gateway.front_door import server_config
from wapo.node.memory import default_memory_bytes
from wapo.node.node import Node, open_node
from wapo.node.settings import NodeSettings
from wapo.vm.egress import EgressPolicy

__all__ = ["serve", "serve_socket", "take_descriptors"]

_BACKLOG: Final = 4096
_DESCRIPTORS: Final = 1 << 20
_GRACE_S: Final = 10


def serve(
    data_dir: DataDir = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 lets the system choose.", min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="Processes that answer requests.", min=1, max=256)] = 1,
    max_memory: MaxMemory = None,
    max_time: MaxTime = None,
    max_burst: MaxBurst = None,
    max_request: Annotated[
        Any, typer.Option("--max-request", parser=size_option, help="Size of one request's body.", metavar="SIZE")
    ] = None,
    max_response: Annotated[
        Any, typer.Option("--max-response", parser=size_option, help="Size of one response's body.", metavar="SIZE")
    ] = None,
    max_program: Annotated[
        Any, typer.Option("--max-program", parser=size_option, help="Size of a program.", metavar="SIZE")
    ] = None,
    max_content: Annotated[
        Any,
        typer.Option("--max-content", parser=size_option, help="Disk that fetched programs may take.", metavar="SIZE"),
    ] = None,
    max_node_memory: Annotated[
        Any,
        typer.Option(
            "--max-node-memory",
            parser=size_option,
            help="Memory of all machines together, of all workers.",
            metavar="SIZE",
            show_default="70% of the machine's",
        ),
    ] = None,
    max_machines: Annotated[int | None, typer.Option(help="Machines at once, in one process.", min=1)] = None,
    max_concurrency: Annotated[int | None, typer.Option(help="Requests of one program at once.", min=1)] = None,
    local: Annotated[
        Path | None,
        typer.Option("--local", help="A program to run at /local, read anew at each request.", metavar="FILE"),
    ] = None,
    upstream: Upstreams = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            help="Where agents may connect to: a network, address, name or *.name; may be repeated.",
            metavar="RULE",
        ),
    ] = None,
    deny: Annotated[
        list[str] | None,
        typer.Option("--deny", help="Where agents may not connect to; may be repeated.", metavar="RULE"),
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Let agents connect to private and loopback addresses.")
    ] = False,
    ca_file: Annotated[
        list[str] | None, typer.Option("--ca-file", help="Certificate authorities beside the system's.", metavar="PEM")
    ] = None,
    public_logs: Annotated[bool, typer.Option("--public-logs", help="Let anybody read any program's logs.")] = False,
    inherit_by_key: Annotated[
        bool, typer.Option("--inherit-by-key", help="Let vault items inherit with the parent's key alone.")
    ] = False,
) -> None:
    """Run a node: agents answer at /ipfs/<cid>, each request in a machine of its own.

    Without TLS of its own: put it behind a reverse proxy to face the internet.
    """
    more = {
        "request_bytes": max_request, "response_bytes": max_response, "program_bytes": max_program,
        "concurrency": max_concurrency,
    }  # fmt: skip
    limits = _ours(lambda: limits_of(
        max_memory, max_time, max_burst, **{name: value for name, value in more.items() if value is not None}
    ))  # fmt: skip
    egress = _ours(lambda: EgressPolicy(tuple(allow or ()), tuple(deny or ()), allow_private))
    settings = settings_of(
        data_dir, limits=limits, egress=egress, upstreams=upstream, local_file=local, public_logs=public_logs,
        max_machines=max_machines, extra_roots=tuple(ca_file or ()),
        node_memory_bytes=default_memory_bytes(workers) if max_node_memory is None else max_node_memory // workers,
        **({} if max_content is None else {"content_bytes": max_content}),
    )  # fmt: skip
    _configure_logging()
    take_descriptors()
    inherited = Inherited.find()
    if inherited is not None:
        run_async(
            lambda: serve_socket(
                settings, inherited.listener, inherit_by_key=inherit_by_key, started=inherited.stop_with_supervisor
            )
        )
        return
    listener = _listen(host, port)
    url = _url(listener)
    if workers > 1:
        with working("Preparing"):
            run_async(lambda: _prepare(settings))
        note(f"wapo is listening on {url} with {workers} workers")
        raise typer.Exit(supervise(listener, workers))
    run_async(
        lambda: serve_socket(settings, listener, inherit_by_key=inherit_by_key, started=lambda: _greet(settings, url))
    )


def take_descriptors() -> None:
    """As many descriptors as the system allows: the usual soft limit of 1024 is for programs that use select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _ours(make: Any) -> Any:
    from wapo.errors import WapoError

    try:
        return make()
    except WapoError as error:
        raise fail(str(error), 2) from None


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise fail(f"cannot listen on {host}:{port}: {reason}") from None
    listener.listen(_BACKLOG)
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def _prepare(settings: NodeSettings) -> None:
    """Makes key, database and compiled modules once, before several processes want them."""
    async with open_node(settings):
        pass


class _Server(uvicorn.Server):
    """Stops on SIGTERM and SIGINT, and then lets the node close; the stock server would raise the signal once more."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)


async def serve_socket(
    settings: NodeSettings, listener: socket.socket, *, inherit_by_key: bool = False, started: Callable[[], None]
) -> int:
    """Serves on a socket until the process is told to stop.

    Args:
        started: called once the node is ready.
    """
    async with open_node(settings) as node:
        app = Gateway(node, inherit_by_key=inherit_by_key)
        server = _Server(server_config(
            app, max_unsent_bytes=node.memory.limit_bytes // 8, timeout_graceful_shutdown=_GRACE_S, backlog=_BACKLOG
        ))  # fmt: skip
        await node.warm_up()
        # What is here now stays until the end: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        _write_token(node)
        started()
        await server.serve(sockets=[listener])
    return 0


def _token_file(settings: NodeSettings) -> Path:
    return settings.data_dir / "operator.token"


def _write_token(node: Node) -> None:
    token = _token_file(node.settings)
    if not token.exists():
        descriptor = os.open(token, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(node.operator_token + "\n")


def _greet(settings: NodeSettings, url: str) -> None:
    note(f"wapo is listening on {url}")
    note(f"data in {settings.data_dir}; the operator's token is in {_token_file(settings)}")
    if settings.local_file is not None:
        note(f"{settings.local_file} answers at {url}/local")


class _CutFilter(logging.Filter):
    """A response that was cut off on purpose is no news for the server's log."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], ResponseCut))


def _configure_logging() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.set_exc_info,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(
                serializer=lambda value, **_: msgspec.json.encode(value, enc_hook=str).decode()
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler()
    handler.addFilter(_CutFilter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], format="%(levelname)s %(name)s: %(message)s")

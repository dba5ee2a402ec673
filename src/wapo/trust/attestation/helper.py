"""A provider in a process of its own, for a node behind its wall: a request at a time over a pair of sockets.

The process is started before the wall is raised, as ``python -m wapo.trust.attestation.helper KIND DESCRIPTOR``, and
ends when the node's side is closed. It does what the interface says and nothing else: who has broken into the node can
have quotes made and the root key read through it, which a node can anyway, and no more. Messages: 4 bytes of length,
big-endian, and an array in MessagePack.
"""

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from wapo.errors import WapoError
from wapo.trust.attestation.provider import AttestationProvider, Evidence, Kind, QuoteFailed

__all__ = ["InHelper", "serve"]

_MOST_BYTES: Final = 16 << 20
_ENDED: Final = "the process that speaks with the TEE has ended"


class InHelper:
    """Args:
    kind: whose provider.
    """

    writable: Final[Sequence[Path]] = ()

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._socket: socket.socket | None = None
        self._asking = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def kind(self) -> Kind:
        """Whose provider."""
        return self._kind

    def prepare(self) -> None:
        """Starts the process. It loads what it needs while the node goes on starting."""
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                # -P: whatever lies in the working directory is no module of ours.
                [sys.executable, "-P", "-m", __name__, self._kind, str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                start_new_session=True,  # a terminal's Ctrl+C is for the node, which ends this one when it has ended
            )  # fmt: skip
        self._socket = ours

    def evidence(self, report_data: bytes) -> Evidence:
        """As the provider has it."""
        quote, event_log = self._ask("evidence", report_data)
        return Evidence(quote, event_log)

    def quote(self, report_data: bytes) -> bytes:
        """The quote alone."""
        return self.evidence(report_data).quote

    def root_key(self) -> bytes | None:
        """As the provider has it."""
        key: bytes | None = self._ask("root_key")
        return key

    def close(self) -> None:
        """Ends the process. One that is busy is not waited for: it ends when it looks for its next question."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
            self._process = None

    def _ask(self, what: str, *arguments: bytes) -> Any:
        with self._asking:
            connection = self._socket
            try:
                if connection is not None:
                    _send(connection, [what, *arguments])
                answer = _receive(connection) if connection is not None else None
            except OSError:
                answer = None
        if answer is None:
            raise QuoteFailed(_ENDED)
        failure, result = answer
        if failure is not None:
            raise QuoteFailed(failure)
        return result


def serve(provider: AttestationProvider, connection: socket.socket) -> None:
    """Answers until the other side is closed."""
    while (request := _receive(connection)) is not None:
        try:
            _send(connection, [None, _answer(provider, *request)])
        except WapoError as error:
            _send(connection, [str(error), None])


def _answer(provider: AttestationProvider, what: str, *arguments: bytes) -> Any:
    if what == "root_key":
        return provider.root_key()
    evidence = provider.evidence(*arguments)
    return (evidence.quote, evidence.event_log) if evidence is not None else None


def _send(connection: socket.socket, message: list[Any]) -> None:
    data = msgspec.msgpack.encode(message)
    connection.sendall(len(data).to_bytes(4, "big") + data)


def _receive(connection: socket.socket) -> Any:
    """A message; None at the end."""
    head = _read(connection, 4)
    if head is None:
        return None
    length = int.from_bytes(head, "big")
    if length > _MOST_BYTES:
        raise OSError("a message that is too long")
    data = _read(connection, length)
    return msgspec.msgpack.decode(data) if data is not None else None


def _read(connection: socket.socket, count: int) -> bytes | None:
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            return None
        data += piece
    return data


def _main() -> None:
    from wapo.trust.attestation.detection import provider_of

    kind, descriptor = sys.argv[1:]
    with socket.socket(fileno=int(descriptor)) as connection:
        provider = provider_of(kind)  # type: ignore[arg-type]
        with contextlib.suppress(QuoteFailed):  # which the first request is told, too
            provider.prepare()
        with contextlib.suppress(OSError), contextlib.closing(provider):
            serve(provider, connection)


if __name__ == "__main__":
    _main()

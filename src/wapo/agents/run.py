"""One request in one machine, from the guest's side: what it is told, what it has answered.

A run is the ``session`` of its guest: the ocalls of ``calls`` read and write it. Whoever started it gets the response
as soon as the guest has given its head, or the failure.
"""

import asyncio
import struct
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, NoReturn, Protocol

from wapo.abi.results import ERR, OcallError, OcallFailure
from wapo.agents.conventions import OutputKind, clean_headers, response_of
from wapo.agents.imports import Imports
from wapo.agents.messages import (
    AgentFailed,
    AgentRequest,
    AgentResponse,
    BurstLimitReached,
    CpuLimitReached,
    EgressLimitReached,
    Header,
    MachineGivenUp,
    OutgoingLimitReached,
    ResponseLimitReached,
    TimeLimitReached,
    failure_of,
)  # fmt: skip
from wapo.agents.modules import Modules
from wapo.errors import GuestError
from wapo.vm.ends import End, EndReason
from wapo.vm.http_client import valid_header, valid_headers
from wapo.vm.resources.base import Resource
from wapo.vm.resources.pipe import Pipe
from wapo.vm.resources.websocket import ServedWebSocket

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = [
    "BODY_BUFFER_BYTES", "LOAD_EVALUATE", "ResponseStream", "Run", "RunLog", "encode_load", "encode_request",
    "encode_run",
]  # fmt: skip

#: What a streamed body may have in flight, each way.
BODY_BUFFER_BYTES: Final = 64 << 10

_COMMAND_LOAD, _COMMAND_REQUEST, _COMMAND_RUN = 1, 2, 3
LOAD_EVALUATE: Final = 1
_NO_STREAM: Final = -1
_LOG_ERROR: Final = 1
_REQUEST: Final = struct.Struct("<I6IiIdd").pack
_LOAD: Final = struct.Struct("<IIII").pack
_RUN: Final = struct.Struct("<IIII").pack


def encode_load(source: bytes, name: str, flags: int) -> bytes:
    """The command that gives a guest its program (docs/abi.md, 1001)."""
    raw = name.encode(errors="replace")  # a file's name need not be text
    return _LOAD(_COMMAND_LOAD, flags, len(raw), len(source)) + raw + source


def encode_run(arguments: Sequence[str], environment: Mapping[str, str]) -> bytes:
    """The command that runs a loaded program in the foreground."""
    words = b"\0".join(word.encode(errors="replace") for word in arguments)
    pairs = b"\0".join(part.encode(errors="replace") for pair in environment.items() for part in pair)
    return _RUN(_COMMAND_RUN, len(arguments), len(words), len(pairs)) + words + pairs


def encode_request(request: AgentRequest, stream: int) -> bytes:
    """The command that gives a guest its request; ``stream`` is the resource with the rest of the body, or -1."""
    headers = b"\0".join([part for header in request.headers for part in header])
    method, url, body = request.method.encode(), request.url.encode(), request.body or b""
    secret, identity = (request.secret or "").encode(), request.request_id.encode()
    numbers = _REQUEST(
        _COMMAND_REQUEST, len(method), len(url), len(headers), len(body), len(secret), len(identity), stream,
        request.body is not None or stream >= 0, time.time() * 1e3, time.monotonic() * 1e3,
    )  # fmt: skip
    return b"".join((numbers, method, url, headers, body, secret, identity))


class RunLog(Protocol):
    """Where the lines of one run go; ``program`` is the identity that secrets are derived for."""

    program: str

    def add(self, level: int, message: str) -> None:
        """A line. Levels are those of the guest ABI: 1 error to 5 trace."""

    def add_own(self, level: int, message: str) -> None:
        """A line of the host's, for which there is room although the run may log no more."""


class Run:
    """The record of one request.

    Attributes:
        response: once the guest has given the head.
        failure: why there is none, or what the guest reported after it had answered.
        websocket: whether the request may be answered with a WebSocket.
        credentials: what the host puts on requests of the run.
        kept_alive: work that goes on after the response (``waitUntil``) is left.
    """

    __slots__ = (
        "_answered", "_imports", "_modules", "_refusal", "_request", "_waiter", "credentials", "failure", "guest",
        "kept_alive", "log", "max_response_bytes", "response", "websocket",
    )  # fmt: skip

    def __init__(
        self, request: AgentRequest, log: RunLog, max_response_bytes: int, modules: Modules | None = None
    ) -> None:
        """``modules``: where what it imports while it runs comes from; None: it can import nothing."""
        self._modules = modules
        self._imports: Imports | None = None
        self._request: AgentRequest | None = request
        self._waiter: asyncio.Future[None] | None = None
        self._answered = False
        self._refusal: GuestError | None = None
        self.guest: Guest | None = None
        self.response: AgentResponse | None = None
        self.failure: GuestError | None = None
        self.websocket = request.websocket
        self.credentials = request.credentials
        self.kept_alive = False
        self.max_response_bytes = max_response_bytes
        self.log = log

    @property
    def imports(self) -> Imports:
        """What it has imported while it runs."""
        if self._imports is None:
            self._imports = Imports(self._modules)
        return self._imports

    # What the guest asks and says (calls)

    def next_command(self, guest: "Guest") -> bytes | None:
        """The request, once."""
        request, self._request = self._request, None
        if request is None:
            return None
        stream = _NO_STREAM
        if request.stream is not None:
            stream = guest.table.add(BodyStream(request.stream))
        return encode_request(request, stream)

    def respond(self, guest: "Guest", status: int, headers: list[Header], body: bytes, complete: bool) -> int:
        """The head, and what there is of the body; the result is the stream for the rest (0 if complete).

        Raises:
            OcallFailure: 3 an illegal status or header, 10 too large, 15 answered already.
            GuestTrapped: the run has sent too much.
        """
        if self._answered:
            raise OcallFailure(OcallError.ALREADY_EXISTS)
        if not 200 <= status <= 599:
            raise OcallFailure(OcallError.INVALID_PARAMETER)
        self._check_headers(headers)
        if len(body) > self.max_response_bytes:
            self.too_large(len(body), self.max_response_bytes, "response")
        guest.count_egress(len(body))
        self._answered = True
        pipe, number = None, 0
        if not complete:
            pipe = Pipe(BODY_BUFFER_BYTES)
            number = guest.table.add(ResponseStream(pipe, self, self.max_response_bytes - len(body)))
        self._deliver(AgentResponse(status, clean_headers(headers), body, pipe))
        return number

    def accept(self, guest: "Guest", headers: list[Header]) -> int:
        """Answers the request with a WebSocket; the result is its resource.

        Raises:
            OcallFailure: 3 an illegal header, 8 the request is no opening handshake, 15 answered already.
        """
        if self._answered:
            raise OcallFailure(OcallError.ALREADY_EXISTS)
        if not self.websocket:
            self._refusal = AgentFailed("the response is a WebSocket (101), but the request does not ask for one")
            raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
        self._check_headers(headers)
        socket = ServedWebSocket(guest)
        number = guest.table.add(socket)
        self._answered = True
        self._deliver(AgentResponse(101, clean_headers(headers), websocket=socket.link))
        return number

    def _check_headers(self, headers: list[Header]) -> None:
        if valid_headers(headers):
            return
        for name, value in headers:
            if not valid_header(name, value):
                shown = name[:100].decode("latin-1")
                self._refusal = AgentFailed(f"the response has a header that cannot be sent: {shown!r}")
                raise OcallFailure(OcallError.INVALID_PARAMETER)

    def loaded(self, status: int, text: str) -> None:
        """A program is loaded when its image is made, never again (raises OcallFailure 3)."""
        raise OcallFailure(OcallError.INVALID_PARAMETER)

    def touched(self, code: int) -> None:
        """In a request a program may look at anything."""

    def too_large(self, size: int, limit: int, what: str) -> NoReturn:
        """Instead of :meth:`respond` or :meth:`output`, for what is not even looked at.

        Raises:
            OcallFailure: 10, or 15 answered already.
        """
        if self._answered:
            raise OcallFailure(OcallError.ALREADY_EXISTS)
        self._refusal = ResponseLimitReached(f"the {what} has {size} bytes; at most {limit} are allowed")
        raise OcallFailure(OcallError.RESOURCE_LIMITED)

    def output(self, kind: int, data: bytes) -> None:
        """The output of a script that answers with one.

        Raises:
            OcallFailure: 3 no such kind, 10 too large, 15 answered already.
        """
        if self._answered:
            raise OcallFailure(OcallError.ALREADY_EXISTS)
        try:
            output = OutputKind(kind)
        except ValueError:
            raise OcallFailure(OcallError.INVALID_PARAMETER) from None
        if len(data) > self.max_response_bytes:
            self.too_large(len(data), self.max_response_bytes, "output")
        if self.guest is not None:
            self.guest.count_egress(len(data))
        self._answered = True
        try:
            self._deliver(response_of(output, data))
        except GuestError as failure:
            self.log.add_own(_LOG_ERROR, str(failure))
            self._fail(failure)

    def fail(self, text: str) -> None:
        """The guest's own account of what went wrong, with the stack: it gets into the log as it is. But of an answer
        that was refused it knows an error code only."""
        failure, self._refusal = self._refusal or failure_of(text), None
        self.log.add_own(_LOG_ERROR, str(failure))
        if not self._answered:
            self._answered = True
            self._fail(failure)
        elif self.failure is None:
            self.failure = failure

    # How it ends

    def ended(self, end: End) -> None:
        """The guest is gone: whoever waits learns why, if they have not. A response that is not complete fails."""
        if self._imports is not None:
            self._imports.close()
        if self.response is not None and self.response.stream is not None and not self.response.stream.ended:
            self.response.stream.fail()
        if self.response is not None or self.failure is not None:
            return
        failures = {
            EndReason.TIME_LIMIT: TimeLimitReached,
            EndReason.BURST_LIMIT: BurstLimitReached,
            EndReason.CPU_LIMIT: CpuLimitReached,
            EndReason.OUTGOING_LIMIT: OutgoingLimitReached,
            EndReason.EGRESS_LIMIT: EgressLimitReached,
            EndReason.SHORT: MachineGivenUp,
        }
        if end.reason is EndReason.EXITED:
            self._fail(AgentFailed("the program ended without an answer"))
        else:
            self._fail(failures.get(end.reason, AgentFailed)(end.detail))

    def _deliver(self, response: AgentResponse) -> None:
        self.response = response
        self._wake()

    def _fail(self, failure: GuestError) -> None:
        self.failure = failure
        self._wake()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def answer(self) -> AgentResponse:
        """The response; waits for it only if it is not there yet.

        Raises:
            GuestError: one of ``messages``.
        """
        if self.response is None and self.failure is None:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self.response is not None:
            return self.response
        assert self.failure is not None
        raise self.failure


class BodyStream(Resource):
    """The rest of a request's body, which the guest reads."""

    kind: ClassVar[str] = "request-body"
    __slots__ = ("_pipe",)

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    def read(self, guest: "Guest", task: int, waker: int, pointer: int, length: int) -> int:
        return self._pipe.try_read(guest, task, waker, pointer, length)

    def close(self) -> None:
        self._pipe.guest_slot.drop()
        self._pipe.break_()


class ResponseStream(Resource):
    """The body of a response, which the guest writes. Closed without a shutdown, or over its limit, it has failed
    half-way.

    Args:
        run: whose response it is; its log is told of the limit.
        room: how many bytes it may be.
    """

    kind: ClassVar[str] = "response-body"
    __slots__ = ("_pipe", "_room", "_run")

    def __init__(self, pipe: Pipe, run: Run | None = None, room: int = 1 << 62) -> None:
        self._pipe = pipe
        self._run = run
        self._room = room

    def write(self, guest: "Guest", task: int, waker: int, pointer: int, length: int) -> int:
        if length > self._room and not self._pipe.ended and not self._pipe.broken:
            if self._run is not None:
                limit = self._run.max_response_bytes
                self._run.log.add_own(
                    _LOG_ERROR, f"the response was cut off: it is larger than the {limit} bytes allowed"
                )
            self._pipe.fail()
            return ERR | OcallError.RESOURCE_LIMITED
        result = self._pipe.try_write(guest, task, waker, pointer, length)
        if not result & ERR:
            self._room -= result
        return result

    def shutdown(self, guest: "Guest", task: int, waker: int) -> int:
        self._pipe.end()
        return 0

    def close(self) -> None:
        self._pipe.guest_slot.drop()
        if not self._pipe.ended:
            self._pipe.fail()

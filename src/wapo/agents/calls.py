"""The ocalls of the JavaScript profile (docs/abi.md, 1001 to 1007, 1114). The guest's session is a :class:`Run`, or an
:class:`~wapo.agents.making.Loading` while an image is made."""

import struct
from typing import TYPE_CHECKING, Final, NoReturn

from wapo.abi.results import PENDING, OcallError, OcallFailure
from wapo.agents.messages import Header
from wapo.agents.run import Run
from wapo.vm.ocalls.dispatch import Handlers
from wapo.vm.ocalls.http import write_or_keep

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["AGENT_CALLS"]

_HEAD: Final = struct.Struct("<III")
_COMPLETE: Final = 1
_MAX_REPORT_BYTES: Final = 64 << 10
#: Names and values of a response: as many parts as they may have must not take the host long.
_MAX_HEADER_BYTES: Final = 256 << 10
#: Read at once, before its limits are looked at.
_SMALL_BYTES: Final = 16 << 10
_INVALID: Final = OcallError.INVALID_PARAMETER


def next_command(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1001: the next command into ``[p0, p0+p1)`` or the return slot; 11 when there is none. Takes every ready task off
    the queue: the program that asks has one."""
    guest.tasks.ready.clear()
    command = guest.session.next_command(guest)
    return PENDING if command is None else write_or_keep(guest, command, p0, p1)


def loaded(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1002: the program was loaded (p0 = 0) or could not be (1); ``[p1, p1+p2)`` says what it is, or why not."""
    guest.session.loaded(p0, _report(guest, p1, p2))
    return 0


def respond(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1003: the response encoded at ``[p0, p0+p1)``; the result is the stream for the rest of the body.

    Encoding: u32 flags (1: the body is complete), u32 status, u32 length of the headers; headers as name and value
    joined by NUL; body.
    """
    guest.instance.check(p0, p1)
    if p1 < _HEAD.size:
        raise OcallFailure(_INVALID)
    data = guest.instance.read(p0, min(p1, _SMALL_BYTES))
    flags, status, length = _HEAD.unpack_from(data)
    end = _HEAD.size + length
    if end > p1:
        raise OcallFailure(_INVALID)
    if length > _MAX_HEADER_BYTES:
        _too_large(guest, length, _MAX_HEADER_BYTES, "response's head")
    if p1 - end > guest.session.max_response_bytes:
        _too_large(guest, p1 - end, guest.session.max_response_bytes, "response")
    if p1 > _SMALL_BYTES:
        data = guest.instance.read(p0, p1)
    headers = _headers(data[_HEAD.size : end])
    result: int = guest.session.respond(guest, status, headers, data[end:], bool(flags & _COMPLETE))
    return result


def _headers(block: bytes) -> list[Header]:
    """Names and values joined by NUL.

    Raises:
        OcallFailure: 3 a name without a value.
    """
    fields = block.split(b"\0") if block else []
    if len(fields) % 2:
        raise OcallFailure(_INVALID)
    return list(zip(fields[::2], fields[1::2], strict=True))


def websocket_accept(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1114: answers the request with a WebSocket; headers as in a response at ``[p0, p0+p1)``. The result is its
    resource, for 1111 to 1113."""
    guest.instance.check(p0, p1)
    if p1 > _MAX_HEADER_BYTES:
        _too_large(guest, p1, _MAX_HEADER_BYTES, "response's head")
    result: int = guest.session.accept(guest, _headers(guest.instance.read(p0, p1)))
    return result


def output(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1004: the script's output, of kind p0 (``conventions.OutputKind``), at ``[p1, p1+p2)``."""
    guest.instance.check(p1, p2)
    if p2 > guest.session.max_response_bytes:
        _too_large(guest, p2, guest.session.max_response_bytes, "output")
    guest.session.output(p0, guest.instance.read(p1, p2))
    return 0


def fail(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1005: an error that nobody in the program caught, at ``[p1, p1+p2)``."""
    guest.session.fail(_report(guest, p1, p2))
    return 0


def touched(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1006: the program looks at something that differs from run to run (p0: ``image.TOUCHES``)."""
    guest.session.touched(p0)
    return 0


def keep_alive(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1007: work that is to go on although the client may have gone (p0 = 1), or no longer (0)."""
    guest.session.kept_alive = p0 == 1
    return 0


def _too_large(guest: "Guest", size: int, limit: int, what: str) -> NoReturn:
    """An answer that is not even read; where there is a request, its owner is told."""
    if isinstance(guest.session, Run):
        guest.session.too_large(size, limit, what)
    raise OcallFailure(OcallError.RESOURCE_LIMITED)


def _report(guest: "Guest", pointer: int, length: int) -> str:
    guest.instance.check(pointer, length)
    return guest.instance.read(pointer, min(length, _MAX_REPORT_BYTES)).decode("utf-8", "replace")


AGENT_CALLS: Final[Handlers] = {
    1001: next_command,
    1002: loaded,
    1003: respond,
    1004: output,
    1005: fail,
    1006: touched,
    1007: keep_alive,
    1114: websocket_accept,
}

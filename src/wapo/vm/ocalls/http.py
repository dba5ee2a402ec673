"""Outgoing HTTP (docs/abi.md, 1100 to 1102)."""

import re
import struct
from functools import partial
from typing import TYPE_CHECKING, Final

from yarl import URL

from wapo.abi.results import ERR, PENDING, OcallError, OcallFailure, signed
from wapo.lazy import library
from wapo.vm.credentials.asking import ASK_BY, CredentialRefused
from wapo.vm.egress import EgressDenied
from wapo.vm.http_client import OF_THE_CONNECTION, valid_header
from wapo.vm.ocalls.dispatch import Handlers
from wapo.vm.resources.connect import TcpConnect
from wapo.vm.resources.http import HttpExchange, HttpRequest
from wapo.vm.resources.tls import TlsStream
from wapo.vm.resources.websocket import WebSocketResource

if TYPE_CHECKING:
    from wapo.vm.credentials import outgoing
    from wapo.vm.guest import Guest
else:
    outgoing = library("wapo.vm.credentials.outgoing")

__all__ = ["HTTP", "header_text", "write_or_keep"]

_REQUEST: Final = struct.Struct("<IIIII")
_STREAM_BODY: Final = 1
_DECODE: Final = 2
_HAS_BODY: Final = 4
_LOG_WARN: Final = 2
_MAX_HEAD_BYTES: Final = 256 << 10
_INVALID_PARAMETER: Final = OcallError.INVALID_PARAMETER
#: After it, what is sent on a connection is no HTTP (RFC 9110 9.3.6), whatever length its answer says it has: the next
#: guest's request, with its credentials, would go through the tunnel.
_NO_TUNNEL: Final = "CONNECT would make a tunnel of a connection, and connections are shared"
_DIGITS: Final = re.compile(r"[0-9]{1,18}")


def write_or_keep(guest: "Guest", data: bytes, pointer: int, capacity: int) -> int:
    """Writes a result into the guest's buffer if it fits; otherwise it waits in the return slot for number 0.

    Either way the length is the result, so that short answers take one crossing.
    """
    if len(data) <= capacity:
        guest.instance.write(pointer, data)
    else:
        guest.instance.check(pointer, capacity)
        guest.return_slot = data
    return len(data)


def http_open(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1100: starts the request encoded at ``[p0, p0+p1)``; the result is its resource.

    Encoding: five u32 - flags, lengths of method, URL, headers, body - and then these four. Flags: 1 the body is
    streamed, 2 decode the response body, 4 there is a body. Headers are name and value joined by NUL. Credentials of
    the run are put on it, unless that is refused: then it fails, and 1102 says why.

    Errors: 3 malformed or too large, 8 the node has no HTTP, 10 table full or too much kept for the guest already,
    17 denied by the egress policy.
    """
    guest.instance.check(p0, p1)
    guest.meter.gas += 1000 + p1 // 128
    if p1 < _REQUEST.size or p1 > guest.limits.request_body_bytes + _MAX_HEAD_BYTES:
        raise OcallFailure(_INVALID_PARAMETER)
    client = guest.services.http_client
    if client is None or not client.is_open:
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
    data = guest.instance.read(p0, p1)
    request = _decode_request(data)
    try:
        client.policy.check_host(request.url.raw_host or "")
    except EgressDenied:
        raise OcallFailure(OcallError.FORBIDDEN) from None
    if guest.held_body_bytes + len(request.body or b"") > guest.limits.held_body_bytes:
        raise OcallFailure(OcallError.RESOURCE_LIMITED)
    guest.count_outgoing()
    guest.count_egress(p1)
    guard, refusal, credentials = None, None, guest.services.credentials(guest)
    if credentials is not None or any(name == ASK_BY for name, _ in request.headers):
        try:
            request, guard = outgoing.guard_of(credentials, request, partial(guest.charge, burst=False))
        except CredentialRefused as error:
            refusal = str(error)
            guest.services.log(guest, _LOG_WARN, refusal)
    if refusal is None and request.method.upper() == "CONNECT":
        refusal = _NO_TUNNEL
    return guest.table.add(HttpExchange(guest, client, request, p1, guard, refusal))


def _decode_request(data: bytes) -> HttpRequest:
    flags, *lengths = _REQUEST.unpack_from(data)
    if sum(lengths) != len(data) - _REQUEST.size:
        raise OcallFailure(_INVALID_PARAMETER)
    parts: list[bytes] = []
    at = _REQUEST.size
    for length in lengths:
        parts.append(data[at : at + length])
        at += length
    method, url, head, body = parts
    fields = head.split(b"\0") if head else []
    if len(fields) % 2:
        raise OcallFailure(_INVALID_PARAMETER)
    pairs = list(zip(fields[::2], fields[1::2], strict=True))
    if not valid_header(method, b"") or not all(valid_header(name, value) for name, value in pairs):
        raise OcallFailure(_INVALID_PARAMETER)
    if not url.startswith((b"http://", b"https://")) or not url.isascii():
        raise OcallFailure(_INVALID_PARAMETER)
    try:
        target = URL(url.decode("ascii"), encoded=True)
        host = target.raw_host
    except ValueError:
        raise OcallFailure(_INVALID_PARAMETER) from None
    if not host:
        raise OcallFailure(_INVALID_PARAMETER)
    headers = [(name.decode("ascii").lower(), header_text(value)) for name, value in pairs]
    return HttpRequest(
        method=method.decode("ascii"),
        url=target,
        headers=[header for header in headers if header[0] not in OF_THE_CONNECTION],
        body=body if flags & _HAS_BODY and not flags & _STREAM_BODY else None,
        stream_body=bool(flags & _STREAM_BODY),
        stream_bytes=_declared_length(headers) if flags & _STREAM_BODY else None,
        decode=bool(flags & _DECODE),
    )


def header_text(value: bytes) -> str:
    """A header's value for the client library, which writes UTF-8: anything else keeps its meaning, not its bytes."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _declared_length(headers: list[tuple[str, str]]) -> int | None:
    """The Content-Length of a body that is streamed, which some servers insist on; None: it goes out chunked.

    Raises:
        OcallFailure: it is not a number, or there are two.
    """
    declared = {value.strip(" \t") for name, value in headers if name == "content-length"}
    if not declared:
        return None
    text = declared.pop()
    if declared or not _DIGITS.fullmatch(text):
        raise OcallFailure(_INVALID_PARAMETER)
    return int(text)


def http_head(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1101 (waker p0): the response head of resource p1 into ``[p2, p2+p3)``, see ``resources.http``."""
    guest.instance.check(p2, p3)
    guest.meter.gas += 500
    try:
        exchange = _exchange(guest, p1)
        result = exchange.poll_head(guest, task, p0)
    except OcallFailure as failure:
        result = ERR | failure.code
    if result != PENDING:
        guest.tasks.release(signed(p0))
    return write_or_keep(guest, result, p2, p3) if isinstance(result, bytes) else result


def error_text(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1102: why resource p0 failed, as UTF-8 into ``[p1, p1+p2)``; 7 if it has not."""
    guest.meter.gas += 200
    resource = guest.table.get(p0)
    if not isinstance(resource, HttpExchange | WebSocketResource | TcpConnect | TlsStream):
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
    if resource.failure is None:
        raise OcallFailure(OcallError.NOT_FOUND)
    return write_or_keep(guest, resource.failure.encode("utf-8", "replace"), p1, p2)


def _exchange(guest: "Guest", number: int) -> HttpExchange:
    resource = guest.table.get(number)
    if not isinstance(resource, HttpExchange):
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
    return resource


HTTP: Final[Handlers] = {1100: http_open, 1101: http_head, 1102: error_text}

"""WebSockets that a guest opens (docs/abi.md, 1110 to 1113), and what it does with those that it serves."""

import re
import struct
from typing import TYPE_CHECKING, Final

from websockets.frames import EXTERNAL_CLOSE_CODES, Opcode
from websockets.uri import WebSocketURI
from yarl import URL

from wapo.abi.results import ERR, PENDING, OcallError, OcallFailure, signed
from wapo.vm.credentials.asking import ASK_BY
from wapo.vm.egress import EgressDenied
from wapo.vm.http_client import OF_THE_CONNECTION, valid_header
from wapo.vm.net.accounting import TCP_CONNECT, TLS_CONNECT
from wapo.vm.ocalls.dispatch import Handlers
from wapo.vm.ocalls.http import header_text, write_or_keep
from wapo.vm.resources.websocket import WebSocketClient, WebSocketRequest, WebSocketResource

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["WEBSOCKET"]

_REQUEST: Final = struct.Struct("<III")
_MAX_REQUEST_BYTES: Final = 256 << 10
_URL: Final = re.compile(rb"wss?://[!-~]+")
_TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_OPCODES: Final = {0: Opcode.CONT, 1: Opcode.TEXT, 2: Opcode.BINARY}
_MAX_REASON_BYTES: Final = 123
_LOG_WARN: Final = 2
_INVALID: Final = OcallError.INVALID_PARAMETER


def websocket_open(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1110: begins the opening handshake encoded at ``[p0, p0+p1)``; the result is its resource.

    Encoding: u32 lengths of URL, headers, subprotocols; then these. Headers as in 1100, subprotocols joined by NUL.

    Errors: 3 malformed or too large, 8 the node has no network, 10 too many, 17 denied by the egress policy,
    or asks for a credential.
    """
    guest.instance.check(p0, p1)
    guest.meter.gas += 1000 + p1 // 128
    if not _REQUEST.size <= p1 <= _MAX_REQUEST_BYTES:
        raise OcallFailure(_INVALID)
    network = guest.services.network
    if network is None:
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
    request = _decode(guest.instance.read(p0, p1))
    try:
        network.policy.check_host(request.uri.host)
    except EgressDenied:
        raise OcallFailure(OcallError.FORBIDDEN) from None
    if any(name == ASK_BY for name, _ in request.headers):
        guest.services.log(guest, _LOG_WARN, "no credential is sent with a WebSocket")
        raise OcallFailure(OcallError.FORBIDDEN)
    guest.count_outgoing()
    full = guest.websockets >= guest.limits.websockets or guest.held_body_bytes > guest.limits.held_body_bytes
    if full or not network.budget.take(guest.owner):
        raise OcallFailure(OcallError.RESOURCE_LIMITED)
    guest.meter.net_egress += TLS_CONNECT if request.uri.secure else TCP_CONNECT
    return guest.table.add(WebSocketClient(guest, network, request, p1))


def _decode(data: bytes) -> WebSocketRequest:
    lengths = _REQUEST.unpack_from(data)
    if sum(lengths) != len(data) - _REQUEST.size:
        raise OcallFailure(_INVALID)
    parts, at = [], _REQUEST.size
    for length in lengths:
        parts.append(data[at : at + length])
        at += length
    url, head, names = parts
    fields = head.split(b"\0") if head else []
    pairs = list(zip(fields[::2], fields[1::2], strict=False))
    subprotocols = names.split(b"\0") if names else []
    if (
        len(fields) % 2
        or not all(valid_header(name, value) for name, value in pairs)
        or not all(_TOKEN.fullmatch(name) for name in subprotocols)
    ):
        raise OcallFailure(_INVALID)
    headers = [(name.decode("ascii").lower(), header_text(value)) for name, value in pairs]
    return WebSocketRequest(
        uri=_uri(url),
        headers=[
            header for header in headers
            if header[0] not in OF_THE_CONNECTION and header[0] != "host" and not header[0].startswith("sec-websocket-")
        ],
        subprotocols=[name.decode("ascii") for name in subprotocols],
    )  # fmt: skip


def _uri(url: bytes) -> WebSocketURI:
    """A URL as the handshake needs it, taken apart by the library that does so for HTTP."""
    if not _URL.fullmatch(url):
        raise OcallFailure(_INVALID)
    try:
        target = URL(url.decode("ascii"), encoded=True)
        host, port = target.raw_host, target.port
    except ValueError:
        raise OcallFailure(_INVALID) from None
    if not host or port is None:
        raise OcallFailure(_INVALID)
    user = target.user
    return WebSocketURI(
        target.scheme == "wss", host, port, target.raw_path, target.raw_query_string,
        user, (target.password or "") if user is not None else None,
    )  # fmt: skip


def websocket_event(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1111 (waker p0): the next event of resource p1 into ``[p2, p2+p3)``; 11 if there is none yet, 12 after the last.

    An event is a u32 (``vm.net.websocket.EventKind``) and what belongs to it.
    """
    guest.instance.check(p2, p3)
    guest.meter.gas += 500
    try:
        result = _websocket(guest, p1).poll_event(guest, task, p0)
    except OcallFailure as failure:
        result = ERR | failure.code
    if result != PENDING:
        guest.tasks.release(signed(p0))
    return write_or_keep(guest, result, p2, p3) if isinstance(result, bytes) else result


def websocket_send(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1112: a message, or the rest of one, of resource p0 at ``[p2, p2+p3)``; p1 is 1 for text, 2 for bytes, 0 for the
    rest of what was not taken. The result is how much was; 11 for nothing, and an event tells when something can be."""
    guest.instance.check(p2, p3)
    guest.meter.gas += 500 + p3 // 128
    opcode = _OPCODES.get(p1)
    if opcode is None:
        raise OcallFailure(_INVALID)
    return _websocket(guest, p0).send_message(guest, opcode, p2, p3)


def websocket_close(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1113: begins to close resource p0, with code p1 (0: none) and a reason, UTF-8 at ``[p2, p2+p3)``."""
    guest.instance.check(p2, p3)
    guest.meter.gas += 500
    socket = _websocket(guest, p0)
    if (p1 and p1 not in EXTERNAL_CLOSE_CODES and not 3000 <= p1 < 5000) or p3 > (_MAX_REASON_BYTES if p1 else 0):
        raise OcallFailure(_INVALID)
    try:
        reason = guest.instance.read(p2, p3).decode()
    except UnicodeDecodeError:
        raise OcallFailure(_INVALID) from None
    socket.link.close(p1 or None, reason)
    return 0


def _websocket(guest: "Guest", number: int) -> WebSocketResource:
    resource = guest.table.get(number)
    if not isinstance(resource, WebSocketResource):
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
    return resource


WEBSOCKET: Final[Handlers] = {
    1110: websocket_open,
    1111: websocket_event,
    1112: websocket_send,
    1113: websocket_close,
}

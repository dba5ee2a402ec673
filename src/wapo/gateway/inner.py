"""A request that came inside another one, as the ASGI call that it would have been on a connection of its own.

What a connection's parser and :mod:`wapo.gateway.front_door` see to, is seen to here: such a request gets no further
than one that came in the open. Only what callers of agents need is served to it.
"""

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from wapo.errors import CallerError
from wapo.gateway.replies import Headers, Scope
from wapo.gateway.trailers import TRAILERS
from wapo.trust.oblivious.binary_http import InvalidBinaryMessage, RequestHead

__all__ = ["NotServedInside", "inner_scope"]

#: As long as the longest that is registered, and as they are written.
_METHOD: Final = re.compile("[A-Z-]{1,20}")
#: What is served to it: agents, and their secrets. Nothing of the operator's.
_PREFIXES: Final = (b"/ipfs/", b"/run_js_from_ipfs/", b"/local/", b"/vaults/")
_PATHS: Final = (b"/local", b"/vaults")
#: Of a connection (RFC 9110 7.6.1), of which there is none. Clients write them all the same.
_OF_CONNECTIONS: Final = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"upgrade", b"http2-settings", b"expect", b"trailer")
)


class NotServedInside(CallerError):
    """An encrypted request for something that is no agent's."""

    code = "not_served_encrypted"
    status = 403


def inner_scope(head: RequestHead, outer: Scope) -> Scope:
    """The scope of the request.

    Raises:
        InvalidBinaryMessage: a server would not take it, or another one would take it for another request.
        NotServedInside.
    """
    if _METHOD.fullmatch(head.method) is None:
        raise InvalidBinaryMessage("the method of the request is none that a server knows")
    if head.method in ("CONNECT", "TRACE"):
        raise InvalidBinaryMessage("this server is no proxy")
    scheme = head.scheme.lower()
    if scheme not in (b"http", b"https"):
        raise InvalidBinaryMessage("the scheme of the request is neither http nor https")
    if not head.path.startswith(b"/") or not all(0x21 <= byte != 0x7F for byte in head.path) or b"#" in head.path:
        raise InvalidBinaryMessage("the path of the request is none")
    path, _, query = head.path.partition(b"?")
    if path not in _PATHS and not path.startswith(_PREFIXES):
        raise NotServedInside("only agents and vaults are served to encrypted requests")
    return {
        "type": "http",
        "asgi": outer["asgi"],
        "http_version": "1.1",
        "method": head.method,
        "scheme": scheme.decode(),
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": _headers(head),
        "client": outer.get("client"),
        "server": outer.get("server"),
        "extensions": {TRAILERS: {}},
    }


def _headers(head: RequestHead) -> Headers:
    """As they would have come: one Host first, and what says how long the content is, if there is any."""
    hosts = [head.authority] if head.authority else []
    lengths: list[bytes] = []
    headers: Headers = []
    for name, value in head.fields:
        if name == b"host":
            hosts.append(value)
        elif name == b"content-length":
            lengths.append(value)
        elif name == b"transfer-encoding":
            raise InvalidBinaryMessage("a message of Binary HTTP has no Transfer-Encoding")
        elif name not in _OF_CONNECTIONS:
            headers.append((name, value))
    if not hosts or len(set(hosts)) > 1 or len(hosts) > 2:
        raise InvalidBinaryMessage("a request has one authority, and its Host header is the same")
    if len(lengths) > 1 or (lengths and head.length is not None and lengths != [b"%d" % head.length]):
        raise InvalidBinaryMessage("the Content-Length is not the length of the content")
    if not lengths and head.length:
        lengths = [b"%d" % head.length]
    framing: Headers = [(b"content-length", lengths[0])] if lengths else []
    if not lengths and head.length is None:
        framing = [(b"transfer-encoding", b"chunked")]
    return [(b"host", hosts[0]), *headers, *framing]

"""Heads of requests that the parser takes and we do not: another server could read them differently, or take part of
one request for the next (RFC 9112 11.2)."""

import functools
import re
from typing import Final

from wapo.gateway.replies import Headers

__all__ = ["MAX_HEADERS", "TOO_MANY", "Wrong", "taken_apart", "what_is_wrong"]

#: Headers and trailers of a request. Servers take 100 (Apache) to 2000 (Node.js); a thousand take us a millisecond.
MAX_HEADERS: Final = 500
TOO_MANY: Final = f"a request may have {MAX_HEADERS} headers"

#: RFC 9110 7.2: whatever a URI may have there (RFC 3986 3.2.2).
_HOST: Final = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=:%\[\]-]*")
#: RFC 9112 3.2.2, without the name of a user, which is an error (RFC 9110 4.2.4).
_ABSOLUTE: Final = re.compile(rb"https?://([^/?@]+)((?:[/?].*)?)", re.IGNORECASE | re.DOTALL)

#: Longer than any name: what a client says instead is not remembered.
_USUAL_BYTES: Final = 300

Wrong = tuple[int, str] | tuple[int, str, bytes]
"""A status, what is wrong in words, and perhaps the code of an error that others tell, too."""


def _is_host(value: bytes) -> bool:
    return _is_usual_host(value) if len(value) <= _USUAL_BYTES else _HOST.fullmatch(value) is not None


@functools.lru_cache(1024)
def _is_usual_host(value: bytes) -> bool:
    return _HOST.fullmatch(value) is not None


def what_is_wrong(
    version: str, method: bytes, target: bytes, headers: Headers, hosts: list[bytes], codings: list[bytes], *,
    loses_body: bool,
) -> Wrong | None:  # fmt: skip
    """With a head, but for a target in absolute form (:func:`taken_apart`).

    Args:
        hosts: values of all its Host headers.
        codings: of all its Transfer-Encoding headers, in lower case.
        loses_body: whether it asks for an upgrade and has a body, which the parser would lose.
    """
    if version not in ("1.1", "1.0"):  # without one, the parser says 0.9
        return 400, "this is not HTTP/1.1"
    if len(headers) > MAX_HEADERS:
        return 431, TOO_MANY
    if len(hosts) != 1 and (hosts or version == "1.1"):  # RFC 9112 3.2
        return 400, "a request has one Host header"
    if hosts and not _is_host(hosts[0]):
        return 400, "the Host header is not a host name", b"invalid_host"
    if codings:
        if version == "1.0":  # RFC 9112 6.1: its framing is faulty
            return 400, "HTTP/1.0 has no Transfer-Encoding"
        if codings != [b"chunked"]:
            return 501, "the only transfer coding here is chunked, once"
    if method in (b"CONNECT", b"TRACE"):
        return 501, "this server is no proxy"
    if loses_body:
        return 400, "a request with a body cannot ask for an upgrade here"
    if b"#" in target:
        return 400, "the target of a request has no fragment"
    return None


def taken_apart(target: bytes) -> tuple[bytes, bytes] | None:
    """Host and path of a target in absolute form: its host counts, not the header (RFC 9112 3.2.2). None if it is
    none."""
    match = _ABSOLUTE.fullmatch(target)
    if match is None or not _is_host(match[1]):
        return None
    return match[1], match[2] if match[2].startswith(b"/") else b"/" + match[2]

"""Addresses of requests to agents: the agent's own URL, the key of its secret, and what of them gets into the log."""

import ipaddress
import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from wapo.errors import CallerError
from wapo.gateway.replies import Headers

__all__ = ["InvalidHost", "agent_url", "path_for_log", "vault_key"]

#: RFC 3986 3.2.2, without percent-encoding and with a port.
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~-]+)(?::([0-9]{0,5}))?")
_MAX_HOST_BYTES: Final = 300
_KEY: Final = b"key"
_URL_CHARACTERS: Final = "%/:@!$&'()*+,;=-._~?"


class InvalidHost(CallerError):
    """The Host header is not one."""

    code = "invalid_host"
    status = 400


def agent_url(scheme: str, headers: Headers, path: bytes, query: bytes) -> str:
    """The agent's own URL: rooted at it, the query as it was sent, no dangling question mark.

    Raises:
        InvalidHost.
    """
    host = "localhost"
    for name, value in headers:
        if name == b"host":
            host = _host(value)
            break
    url = f"{scheme}://{host}/{_printable(path)}"
    return f"{url}?{_printable(query)}" if query else url


@lru_cache(1024)
def _host(value: bytes) -> str:
    """A Host header that can be part of a URL.

    Raises:
        InvalidHost: it would make ``new URL(request.url)`` fail.
    """
    text = value.decode("latin-1")
    match = _HOST.fullmatch(text) if len(value) <= _MAX_HOST_BYTES else None
    try:
        if match is None or int(match[2] or 0) > 65535:
            raise ValueError
        host = match[1]
        if host.startswith("["):
            ipaddress.IPv6Address(host[1:-1])
        elif host.rstrip(".").rpartition(".")[2].isdigit():  # the URL standard takes such a host for an address
            ipaddress.IPv4Address(host)
    except ValueError:
        raise InvalidHost("the Host header is not a host name") from None
    return text


def _printable(raw: bytes) -> str:
    """As sent, where that can be part of a URL; other bytes percent-encoded."""
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        return quote(raw, safe=_URL_CHARACTERS)
    return text if text.isprintable() and " " not in text else quote(raw, safe=_URL_CHARACTERS)


def _is_key(name: bytes) -> bool:
    return name == _KEY or (b"%" in name and unquote_to_bytes(name) == _KEY)


def vault_key(query: bytes) -> str | None:
    """The first value of the parameter ``key``, however that is spelled; None if there is no such parameter."""
    if query:
        for pair in query.split(b"&"):
            name, _, value = pair.partition(b"=")
            if _is_key(name):
                return unquote_plus(value.decode("latin-1"))
    return None


def path_for_log(path: bytes, query: bytes, *, hide: bool) -> str:
    """Path and query as received, without the vault key."""
    text = path.decode("latin-1")
    if not query:
        return text
    if hide:
        pairs = [pair.partition(b"=") for pair in query.split(b"&")]
        query = b"&".join(name + equals + (b"***" if _is_key(name) else value) for name, equals, value in pairs)
    return f"{text}?{query.decode('latin-1')}"

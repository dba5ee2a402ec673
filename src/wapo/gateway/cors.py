"""Cross-origin requests to agents (node-and-gateway 1.3.9, NEW): an agent's own answer wins, otherwise anybody may."""

from typing import Final

from wapo.gateway.replies import Headers, Reply

__all__ = ["add_defaults", "is_preflight", "preflight_reply"]

_ALLOW_ORIGIN: Final = (b"access-control-allow-origin", b"*")
_EXPOSE: Final = (b"access-control-expose-headers", b"X-Request-Id")
_METHODS: Final = (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")


def add_defaults(headers: Headers) -> None:
    """Lets any origin read the response, unless the agent has said who may."""
    for name, _ in headers:
        if name == b"access-control-allow-origin":
            return
    headers.append(_ALLOW_ORIGIN)
    headers.append(_EXPOSE)


def is_preflight(method: str, headers: Headers) -> bool:
    return method == "OPTIONS" and any(name == b"access-control-request-method" for name, _ in headers)


def preflight_reply(headers: Headers) -> Reply:
    """For an agent that does not answer preflights itself."""
    requested = [value for name, value in headers if name == b"access-control-request-headers"]
    reply = Reply(204, b"text/plain", b"", [_ALLOW_ORIGIN, _METHODS])
    reply.headers = reply.headers[1:]  # no content, no type
    if requested:
        reply.headers.append((b"access-control-allow-headers", b", ".join(requested)))
    return reply

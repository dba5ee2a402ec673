"""Cross-origin requests to agents (node-and-gateway 1.3.9, NEW): an agent's own answer wins, otherwise anybody may."""

from typing import Final

from wapo.gateway.replies import Headers, Reply

__all__ = ["add_defaults", "answer_preflight", "is_preflight", "preflight_reply"]

_ORIGIN: Final = b"access-control-allow-origin"
_CREDENTIALS: Final = b"access-control-allow-credentials"
_ANY_ORIGIN: Final = (_ORIGIN, b"*")
_EXPOSE: Final = (b"access-control-expose-headers", b"X-Request-Id")
_EXPOSE_ERROR: Final = (b"access-control-expose-headers", b"X-Request-Id, X-Wapo-Error, Retry-After")
_METHODS: Final = (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")


def add_defaults(headers: Headers, *, error: bool = False) -> None:
    """Lets any origin read a response, unless the agent has said who may; and what the gateway adds, whoever may.

    An agent that speaks of credentials only is not helped with a ``*``, which browsers refuse beside them.

    Args:
        error: it is the gateway's own, not the agent's.
    """
    for name, _ in headers:
        if name in (_ORIGIN, _CREDENTIALS):
            break
    else:
        headers.append(_ANY_ORIGIN)
    headers.append(_EXPOSE_ERROR if error else _EXPOSE)


def is_preflight(method: str, headers: Headers) -> bool:
    """Whether a browser asks if it may ask (https://fetch.spec.whatwg.org/#cors-preflight-request)."""
    return method == "OPTIONS" and any(name == b"access-control-request-method" for name, _ in headers)


def answer_preflight(headers: Headers, request: Headers) -> None:
    """Completes the headers of an agent that answered a preflight with success, but without a word on CORS."""
    if not any(name == _ORIGIN for name, _ in headers):
        headers += _permission(request)


def preflight_reply(request: Headers) -> Reply:
    """For an agent that does not answer preflights itself."""
    return Reply(204, None, b"", [_ANY_ORIGIN, *_permission(request)])


def _permission(request: Headers) -> Headers:
    """What is asked for, allowed."""
    asked = [value for name, value in request if name == b"access-control-request-headers"]
    return [_METHODS, (b"access-control-allow-headers", b", ".join(asked))] if asked else [_METHODS]

"""``POST /vaults``, ``GET`` and ``DELETE /vaults/<key>/<token>`` (node-and-gateway 1.4)."""

import time
from collections import OrderedDict
from typing import Any, Final

import msgspec
from starlette.requests import Request

from wapo.errors import CallerError
from wapo.gateway.replies import Reply, json_reply
from wapo.node.node import Node
from wapo.node.vaults import MAX_DATA_BYTES

__all__ = ["VaultRoutes"]

_MAX_BODY_BYTES: Final = 2 * MAX_DATA_BYTES
_CREATES_PER_S: Final = 5.0
_CREATES_AT_ONCE: Final = 60.0
_CLIENTS_KEPT: Final = 10_000
_NO_STORE: Final = (b"cache-control", b"no-store")


class TooManyVaults(CallerError):
    """One client makes items too fast."""

    code = "too_many_vaults"
    status = 429


class VaultTooLarge(CallerError):
    """The request is larger than any vault item may be."""

    code = "vault_too_large"
    status = 413


class VaultRoutes:
    """Endpoints for vaults."""

    def __init__(self, node: Node, *, inherit_by_key: bool) -> None:
        self._node = node
        self._inherit_by_key = inherit_by_key
        self._allowance: OrderedDict[str, tuple[float, float]] = OrderedDict()

    async def create(self, request: Request) -> Reply:
        """Answers ``{"token", "key", "succeed"}``, in this order and without spaces: tools match it as text."""
        self._throttle(request.client.host if request.client is not None else "")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_BODY_BYTES:
                raise VaultTooLarge(f"a vault request may have {_MAX_BODY_BYTES} bytes")
        try:
            value = msgspec.json.decode(bytes(body))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _invalid([_issue([], "the body is not JSON", "object", "invalid")])
        issues = _issues(value)
        if issues:
            return _invalid(issues)
        identity = await self._node.programs.identity_of(value["cid"])
        receipt = await self._node.vaults.create(
            identity,
            value.get("data", {}),
            value.get("inherit"),
            value.get("inheritToken"),
            by_key_alone=self._inherit_by_key,
            credentials=value.get("credentials"),
        )
        return json_reply(200, {"token": receipt.token, "key": receipt.key, "succeed": True}, [_NO_STORE])

    async def read(self, request: Request) -> Reply:
        """The item's own data, never what it inherits; of credentials what they are for, never what they are."""
        item = await self._node.vaults.read(request.path_params["key"], request.path_params["token"])
        answer: dict[str, Any] = {"data": item.data}
        if item.inherit is not None:
            answer["inherit"] = item.inherit
        if item.credentials is not None:
            answer["credentials"] = item.credentials.shown()
        return json_reply(200, answer | {"succeed": True}, [_NO_STORE])

    async def remove(self, request: Request) -> Reply:
        """The item is gone: at once for this process, within seconds for others of the node."""
        await self._node.vaults.remove(request.path_params["key"], request.path_params["token"])
        return json_reply(200, {"succeed": True}, [_NO_STORE])

    def _throttle(self, client: str) -> None:
        now = time.monotonic()
        left, since = self._allowance.pop(client, (_CREATES_AT_ONCE, now))
        left = min(_CREATES_AT_ONCE, left + (now - since) * _CREATES_PER_S)
        self._allowance[client] = (max(left - 1, 0), now)
        if len(self._allowance) > _CLIENTS_KEPT:
            self._allowance.popitem(last=False)
        if left < 1:
            raise TooManyVaults("too many vault items from this address; try again in a second")


def _issues(value: Any) -> list[dict[str, Any]]:
    """What is wrong with a request, in the form that clients of the original know."""
    if not isinstance(value, dict):
        return [_issue([], "Expected object", "object", _kind(value))]
    issues = []
    if not isinstance(value.get("cid"), str) or not value["cid"]:
        issues.append(_issue(["cid"], "Expected string", "string", _kind(value, "cid")))
    if not isinstance(value.get("data", None if value.get("credentials") is None else {}), dict):
        issues.append(_issue(["data"], "Expected object", "object", _kind(value, "data")))
    for name in ("inherit", "inheritToken"):
        if value.get(name) is not None and not isinstance(value[name], str):
            issues.append(_issue([name], "Expected string", "string", _kind(value, name)))
    return issues


def _issue(path: list[str], message: str, expected: str, received: str) -> dict[str, Any]:
    if received == "undefined":
        message = "Required"
    return {"code": "invalid_type", "expected": expected, "received": received, "path": path, "message": message}


def _kind(value: Any, name: str | None = None) -> str:
    """The type of a value, or of its member ``name``, as JavaScript calls it."""
    if name is not None:
        if name not in value:
            return "undefined"
        value = value[name]
    kinds = {type(None): "null", bool: "boolean", int: "number", float: "number", str: "string", list: "array"}
    return kinds.get(type(value), "object")


def _invalid(issues: list[dict[str, Any]]) -> Reply:
    return json_reply(400, {"success": False, "error": {"issues": issues, "name": "ZodError"}})

"""The ASGI application of a node."""

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from starlette.requests import ClientDisconnect, Request
from starlette.routing import Match, Route

from wapo import __version__
from wapo.errors import CallerError
from wapo.gateway.agents import AgentRoutes
from wapo.gateway.at_once import AtOnce
from wapo.gateway.content import ContentRoutes
from wapo.gateway.logs import LogRoutes, is_operator
from wapo.gateway.receipts import ReceiptRoutes
from wapo.gateway.replies import Receive, Reply, Scope, Send, failure_reply, json_reply, new_id, text_reply
from wapo.gateway.vaults import VaultRoutes
from wapo.gateway.verification_page import content_security_policy, page
from wapo.lazy import library
from wapo.node.node import Node
from wapo.trust.attestation.report_data import parse_nonce

if TYPE_CHECKING:
    from wapo.gateway import oblivious
else:
    oblivious = library("wapo.gateway.oblivious")

__all__ = ["Gateway"]

Endpoint = Callable[[Request], Awaitable[Reply]]

_OBLIVIOUS_PATH: Final = b"/.well-known/ohttp-gateway"
_AGENT_PREFIXES: Final = (b"/ipfs/", b"/run_js_from_ipfs/")


async def _unused(_request: Request) -> None:  # pragma: no cover - routes are matched here and called by us
    raise AssertionError


class MetricsForbidden(CallerError):
    """Metrics are the operator's."""

    code = "metrics_forbidden"
    status = 401


class Gateway:
    """Routes requests. Agents first and by hand, because they are nearly all of them.

    Attributes:
        at_once: for the server: answers requests that need not come here.
    """

    def __init__(self, node: Node, *, inherit_by_key: bool = False) -> None:
        self._node = node
        self.at_once = AtOnce(node)
        self._agents = AgentRoutes(node)
        self._content = ContentRoutes(node)
        self._oblivious: oblivious.ObliviousRoutes | None = None
        receipts = ReceiptRoutes(node)
        vaults, logs = VaultRoutes(node, inherit_by_key=inherit_by_key), LogRoutes(node)
        self._routes: list[tuple[Route, Endpoint]] = [
            (Route(path, _unused, methods=[method]), endpoint)
            for method, path, endpoint in (
                ("GET", "/", self._index),
                ("GET", "/healthz", self._health),
                ("GET", "/metrics", self._metrics),
                ("GET", "/attestation", self._attestation),
                ("GET", "/verify", self._verify),
                ("POST", "/vaults", vaults.create),
                ("GET", "/vaults/{key}/{token}", vaults.read),
                ("DELETE", "/vaults/{key}/{token}", vaults.remove),
                ("GET", "/logs/all/{script_id:path}", logs.read),
                ("POST", "/ipfs", self._content.publish),
                ("GET", "/.well-known/jwks.json", receipts.jwks),
                ("GET", "/receipts/log", receipts.head),
                ("GET", "/receipts/log/inclusion", receipts.inclusion),
                ("GET", "/receipts/log/consistency", receipts.consistency),
                ("GET", "/receipts/log/tiles/{level}/{number}", receipts.tile),
                ("GET", "/receipts/{id}", receipts.receipt),
            )
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1003, "reason": "WebSockets are not served here"})
        elif scope["type"] == "lifespan":
            await _lifespan(receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = new_id()
        path: bytes = scope["raw_path"]
        for prefix in _AGENT_PREFIXES:
            if path.startswith(prefix) and len(path) > len(prefix):
                accept = self._content.wants_blocks(scope["headers"]) if scope["method"] in ("GET", "HEAD") else None
                if accept is not None:
                    await self._content.blocks(
                        scope, send, request_id, time.perf_counter(), path[len(prefix) :], accept
                    )
                else:
                    await self._agents.by_cid(scope, receive, send, request_id, path[len(prefix) :])
                return
        if path == b"/local" or path.startswith(b"/local/"):
            await self._agents.local(scope, receive, send, request_id, path[len(b"/local/") :])
            return
        if path == _OBLIVIOUS_PATH:
            if self._oblivious is None:
                self._oblivious = oblivious.ObliviousRoutes(self._node, self._http)
            await self._oblivious(scope, receive, send, request_id)
            return
        await self._other(scope, receive, send, request_id)

    async def _other(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        started = time.perf_counter()
        try:
            reply = await self._route(scope, receive)
        except ClientDisconnect:
            return
        except Exception as error:
            reply = failure_reply(error, request_id)
        await reply.send(send, request_id, started, head=scope["method"] == "HEAD")

    async def _route(self, scope: Scope, receive: Receive) -> Reply:
        allowed: list[str] = []
        for route, endpoint in self._routes:
            match, child = route.matches(scope)
            if match is Match.FULL:
                scope.update(child)
                return await endpoint(Request(scope, receive))
            if match is Match.PARTIAL:
                allowed += sorted(route.methods or ())
        if allowed:
            reply = text_reply(405, "405 Method Not Allowed")
            reply.headers.append((b"allow", ", ".join(allowed).encode()))
            return reply
        return text_reply(404, "404 Not Found")

    async def _index(self, _request: Request) -> Reply:
        return json_reply(200, {
            "name": "wapo",
            "version": __version__,
            "attested": self._node.attestor.attested,
            "attestation": self._node.attestor.statement,
            "routes": {
                "run an agent": "/ipfs/<cid>[/path]",
                "run the local build": "/local[/path]",
                "store a secret": "POST /vaults",
                "read a secret": "/vaults/<key>/<token>",
                "read logs": "/logs/all/ipfs/<cid>",
                "publish": "POST /ipfs",
                "encrypted requests": _OBLIVIOUS_PATH.decode(),
                "attestation": "/attestation?nonce=<hex>",
                "verify in a browser": "/verify",
                "check an answer": "/receipts/<request id>",
                "the log of receipts": "/receipts/log",
                "keys": "/.well-known/jwks.json",
                "health": "/healthz",
                "metrics": "/metrics",
            },
            "status": await self._node.status_of_all(),
        })  # fmt: skip

    async def _health(self, _request: Request) -> Reply:
        return json_reply(200, {"status": "ok"} | await self._node.status_of_all())

    async def _attestation(self, request: Request) -> Reply:
        reply = json_reply(200, await self._node.attestor.attest(parse_nonce(request.query_params.get("nonce"))))
        # Verifiers may be pages of somebody else's: it is the quote that counts, not where it was read.
        reply.headers += [(b"cache-control", b"no-store"), (b"access-control-allow-origin", b"*")]
        return reply

    async def _verify(self, _request: Request) -> Reply:
        policy = (b"content-security-policy", content_security_policy().encode())
        headers = [policy, (b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
        return Reply(200, b"text/html; charset=utf-8", page(), headers)

    async def _metrics(self, request: Request) -> Reply:
        if not is_operator(request, self._node):
            raise MetricsForbidden(
                "metrics are for the operator: send the operator's token, as Authorization: Bearer <token>"
            )
        return Reply(200, b"text/plain; version=0.0.4; charset=utf-8", await self._node.exposition())


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return

"""Receipts of agents' responses: who gets one, what goes out with the response, and what can be asked for afterwards.

A caller that sends ``Accept-Signature`` gets the receipt as fields of the response, or after it; a node whose operator
wants one of every response keeps one of every response. What can be asked for: a receipt at ``/receipts/<request id>``,
the log that all are in at ``/receipts/log``, and the keys that sign at ``/.well-known/jwks.json``.
"""

import asyncio
import hashlib
import time
from typing import Any, Final

from starlette.requests import Request

from wapo.errors import CallerError
from wapo.gateway.bodies import Intake
from wapo.gateway.replies import Headers, Reply, Scope, json_reply
from wapo.node.node import Node
from wapo.node.receipt_chunks import NO_CONTENT, NO_FIELDS
from wapo.node.receipts import NoSuchReceipt, ReceiptBook
from wapo.node.settings import ReceiptPolicy
from wapo.trust.merkle import text
from wapo.trust.message_signatures import (
    TRAILER_NAMES,
    Asked,
    Exchange,
    InvalidAcceptSignature,
    read_accept_signature,
    signature_fields,
    signed_headers,
)
from wapo.trust.receipts import Receipt, beginning, fields_of, told_target, write_document

__all__ = ["ASKS", "LARGE_BYTES", "Making", "ReceiptRoutes", "Receipts"]

#: The header that asks for one.
ASKS: Final = b"accept-signature"
_EXPOSE: Final = (b"access-control-expose-headers", b"Content-Digest, Signature, Signature-Input, Wapo-Receipt")
#: Hashing so much takes a fraction of a millisecond.
LARGE_BYTES: Final = 256 << 10
_NUMBER_DIGITS: Final = 15
_NO_STORE: Final = (b"cache-control", b"no-store")
_ANY_ORIGIN: Final = (b"access-control-allow-origin", b"*")


class Receipts:
    """Begins the receipts of a gateway's responses.

    Attributes:
        always: where every response has one, and those are kept; else None.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self.always = node.receipts if node.settings.receipts is ReceiptPolicy.ALWAYS else None

    def begin(
        self, request_id: str, program: str, method: str, scheme: str, target: bytes, headers: Headers
    ) -> "Making | None":
        """The receipt of an exchange whose request is there; None if nobody wants one.

        Args:
            target: path and query as sent.
            headers: of the request, names in lower case.

        Raises:
            InvalidAcceptSignature.
        """
        book = self._node.receipts
        if book is None:
            return None
        lines = [value for name, value in headers if name == ASKS]
        exchange = Exchange(method, scheme, target.decode("latin-1"), headers)
        asked = None
        if lines:
            asked = read_accept_signature(lines, self._node.identity.key_id)
            if asked is not None:
                _check(asked, exchange)
        if asked is None and self.always is None:
            return None
        return Making(self._node, book, request_id, program, exchange, asked)


def _check(asked: Asked, exchange: Exchange) -> None:
    if not exchange.target.isascii():
        raise InvalidAcceptSignature("a signature covers ASCII only, and the address of this request is not")
    there = {name.decode("latin-1") for name, _ in exchange.headers}
    for name in asked.fields:
        if name not in there:
            raise InvalidAcceptSignature(f"the request has no header {name!r} that could be covered")


class Making:
    """The receipt of one exchange, while it goes on."""

    __slots__ = (
        "_asked", "_book", "_content", "_exchange", "_headers", "_node", "_program", "_request_id", "_says",
        "_started_ms", "_status", "_target", "intake",
    )  # fmt: skip

    def __init__(
        self, node: Node, book: ReceiptBook, request_id: str, program: str, exchange: Exchange, asked: Asked | None
    ) -> None:
        """``asked``: what the response itself is to say; None: nothing."""
        self._node = node
        self._book = book
        self._request_id = request_id
        self._program = program
        self._exchange = exchange
        self._target = told_target(exchange.target)
        self._asked = asked
        self._says = asked is not None
        self._started_ms = time.time_ns() // 1_000_000
        self._status = 0
        self._headers: Headers = []
        self._content: Any = None
        #: The request's content; None: it has none.
        self.intake: Intake | None = None

    def whole(self, status: int, headers: Headers, body: bytes, digest: bytes | None = None) -> Headers:
        """Of a response whose content is at hand, and nothing else follows.

        Args:
            headers: the agent's, and defaults in its name: names in lower case.
            body: as it is sent: nothing in an answer to HEAD.
            digest: its SHA-256, if that is known already.

        Returns:
            the headers to send.
        """
        headers = self._prepared(status, headers)
        return headers + self._made(digest or hashlib.sha256(body).digest(), trailers=False)

    async def whole_of_any_size(self, status: int, headers: Headers, body: bytes) -> Headers:
        """As :meth:`whole`; what takes longer to hash does not keep others waiting."""
        digest = None
        if len(body) > LARGE_BYTES:
            digest = await asyncio.to_thread(lambda: hashlib.sha256(body).digest())
        return self.whole(status, headers, body, digest)

    def begin(self, status: int, headers: Headers, *, trailers: bool) -> Headers:
        """As :meth:`whole`, of a response whose content follows: :meth:`update` is to see it, and :meth:`end` gives the
        trailers.

        Args:
            trailers: whether they can be sent; otherwise the response itself does not say anything.
        """
        self._says = self._says and trailers
        headers = self._prepared(status, headers)
        self._content = hashlib.sha256()
        return [*headers, (b"trailer", TRAILER_NAMES)] if self._says else headers

    async def update(self, chunk: bytes) -> None:
        """A piece of the content, as it is sent."""
        if len(chunk) > LARGE_BYTES:
            await asyncio.to_thread(self._content.update, chunk)
        else:
            self._content.update(chunk)

    def end(self) -> Headers:
        """What follows the content."""
        return self._made(self._content.digest(), trailers=True)

    def _prepared(self, status: int, headers: Headers) -> Headers:
        self._status = status
        if self._says:
            headers = [*signed_headers(headers), _EXPOSE]
        self._headers = headers
        return headers

    def _made(self, digest: bytes, *, trailers: bool) -> Headers:
        exchange, asked, identity = self._exchange, self._asked, self._node.identity
        chosen = NO_FIELDS
        if asked is not None and asked.fields:
            names = {name.encode() for name in asked.fields}
            chosen = fields_of([header for header in exchange.headers if header[0] in names])
        content, fields = self._request_digest(), fields_of(self._headers)
        ended_ms = max(self._started_ms, time.time_ns() // 1_000_000)  # the clock may have been set back
        nonce = "" if asked is None else asked.nonce
        common = beginning(
            identity.key_id, self._program, exchange.method, self._target, chosen, content, self._status, fields
        )
        self._book.add((common, self._request_id, nonce, digest, self._started_ms, ended_ms))
        if asked is None or not self._says:
            return []
        receipt = Receipt(
            identity.key_id, self._request_id, self._program, exchange.method, self._target, chosen, content, nonce,
            self._status, fields, digest, self._started_ms, ended_ms,
        )  # fmt: skip
        return signature_fields(identity, receipt, asked, exchange, self._headers, trailers=trailers)

    def _request_digest(self) -> bytes | None:
        intake = self.intake
        if intake is None:
            return NO_CONTENT
        if intake.stream is None:
            return hashlib.sha256(intake.body or b"").digest()
        return intake.digest.digest() if intake.complete and intake.digest is not None else None


class InvalidLogRequest(CallerError):
    """A parameter of a request for a proof is missing, or no number."""

    code = "invalid_log_request"


class ReceiptRoutes:
    """Endpoints for receipts, their log, and the keys."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def jwks(self, _request: Request) -> Reply:
        """All generations' public keys (RFC 7517)."""
        await self._node.identities.load()
        reply = json_reply(200, self._node.identities.jwks(), [(b"cache-control", b"max-age=60"), _ANY_ORIGIN])
        reply.headers[0] = (b"content-type", b"application/jwk-set+json")
        return reply

    async def receipt(self, request: Request) -> Reply:
        """The receipt of a request, with its place in the log."""
        book = self._book()
        found = await book.find(request.path_params["id"])
        head, signature = await book.head()
        proof = await book.inclusion(found.index, head.size)
        document = write_document(found.receipt, found.signature) | {
            # For people, and not signed: whether anything but this node's word is behind the key.
            "attestation": self._node.attestor.statement,
            "log": {
                "index": found.index,
                "proof": [text(step) for step in proof],
                "head": head.document(signature),
            },
        }
        return json_reply(200, document, [_NO_STORE, _ANY_ORIGIN])

    async def head(self, _request: Request) -> Reply:
        """The log, signed."""
        head, signature = await self._book().head()
        return json_reply(200, head.document(signature), [_NO_STORE, _ANY_ORIGIN])

    async def inclusion(self, request: Request) -> Reply:
        """``?index=&size=``: that a leaf is in the tree of that size."""
        index, size = _number(request, "index"), _number(request, "size")
        proof = await self._book().inclusion(index, size)
        return json_reply(200, {"index": index, "size": size, "proof": [text(step) for step in proof]}, [_ANY_ORIGIN])

    async def consistency(self, request: Request) -> Reply:
        """``?first=&second=``: that the one tree is the beginning of the other."""
        first, second = _number(request, "first"), _number(request, "second")
        proof = await self._book().consistency(first, second)
        return json_reply(
            200, {"first": first, "second": second, "proof": [text(step) for step in proof]}, [_ANY_ORIGIN]
        )

    async def tile(self, request: Request) -> Reply:
        """256 hashes of the tree, or as many as there are: for whoever wants to have all of it."""
        level, number = (_parsed(request.path_params[name], name) for name in ("level", "number"))
        return Reply(200, b"application/octet-stream", await self._book().tile(level, number), [_ANY_ORIGIN])

    def _book(self) -> ReceiptBook:
        book = self._node.receipts
        if book is None:
            raise NoSuchReceipt("this node makes no receipts")
        return book


def _number(request: Request, name: str) -> int:
    return _parsed(request.query_params.get(name, ""), name)


def _parsed(value: str, name: str) -> int:
    if not value.isascii() or not value.isdigit() or len(value) > _NUMBER_DIGITS:
        raise InvalidLogRequest(f"{name} is a number of at most {_NUMBER_DIGITS} digits")
    return int(value)


def target_of(scope: Scope) -> bytes:
    """Path and query of a request, as sent; but for a question mark that nothing follows, which nobody has kept."""
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return b"%b?%b" % (path, query) if query else path

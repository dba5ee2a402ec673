"""``/.well-known/ohttp-gateway``: requests that are encrypted to the node's key (RFC 9458, RFC 9540).

Whoever ends TLS in front of the node sees neither the request nor its response. Inside is a request like any other,
which goes the same way as any other (:mod:`wapo.gateway.inner`). What is wrong before it has been decrypted is answered
in the open, everything else encrypted. A response in chunks goes out as the agent writes it; one that is whole, and a
request that is, are kept until they are complete, of which a client can make the node keep only so much.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Final, Protocol

import msgspec

from wapo.errors import CallerError, GuestError, HostError, WapoError
from wapo.gateway.bodies import ClientGone
from wapo.gateway.cors import add_defaults, is_preflight, preflight_reply
from wapo.gateway.front_door import MAX_HEAD_BYTES
from wapo.gateway.heads import MAX_HEADERS
from wapo.gateway.inner import inner_scope
from wapo.gateway.replies import (
    Headers,
    Message,
    Receive,
    Reply,
    ResponseCut,
    Scope,
    Send,
    common_headers,
    failure_reply,
    new_id,
    text_reply,
)
from wapo.node.node import Node
from wapo.node.replays import UnacceptableDate
from wapo.trust.oblivious.binary_http import (
    Content,
    End,
    Event,
    InvalidBinaryMessage,
    MessageDecoder,
    RequestHead,
    encode_content,
    encode_end,
    encode_response,
    encode_response_head,
)
from wapo.trust.oblivious.chunks import CHUNK_BYTES, ChunkDecoder, encode_chunk, encode_last_chunk
from wapo.trust.oblivious.receiving import PREFIX_BYTES, Receiver, SealedRequest, UnknownKey
from wapo.trust.oblivious.suites import FINAL, UndecryptableMessage

__all__ = ["ObliviousRoutes"]

_KEYS: Final = b"application/ohttp-keys"
#: Kinds of requests, and of the responses to them.
_WHOLE, _WHOLE_RESPONSE = b"message/ohttp-req", b"message/ohttp-res"
_CHUNKED, _CHUNKED_RESPONSE = b"message/ohttp-chunked-req", b"message/ohttp-chunked-res"
#: https://www.iana.org/assignments/http-problem-types
_PROBLEMS: Final = "https://iana.org/assignments/http-problem-types#"
#: How long a key is taken after it has been given up. Callers may keep one for an hour.
_GRACE_S: Final = 24 * 3600
_CACHED_S: Final = 3600
#: How often a key that is not known makes a process look whether there is another generation.
_LOOKED_EVERY_S: Final = 1.0
#: How long a whole request may take, and the head inside one in chunks.
_WHOLE_S: Final = 120.0
_HEAD_S: Final = 30.0
#: Of whole messages that are kept: nothing is said about smaller ones; all together; of one client.
_SMALL_BYTES: Final = 64 << 10
_KEPT_BYTES: Final = 256 << 20
_CLIENT_BYTES: Final = 64 << 20
_MOST_RESPONSE_BYTES: Final = 20 << 20
#: What is decrypted or parsed before others have a turn.
_PIECE_BYTES: Final = 8 << 10
_SEALED_AT_ONCE: Final = 16 * CHUNK_BYTES
_SAFE: Final = ("GET", "HEAD", "OPTIONS")
_NO_STORE: Final = (b"cache-control", b"no-store")


class UnsupportedEncryptedType(CallerError):
    """What was sent to be decrypted is of another type."""

    code = "unsupported_encrypted_type"
    status = 415


class EncryptedRequestTooLarge(CallerError):
    """A whole encrypted request is larger than any request may be."""

    code = "encrypted_request_too_large"
    status = 413


class EncryptedRequestLate(CallerError):
    """An encrypted request did not come in time."""

    code = "encrypted_request_late"
    status = 408


class EncryptedResponseTooLarge(GuestError):
    """A response is too large to be encrypted as a whole."""

    code = "encrypted_response_too_large"
    status = 502


class TooMuchKept(HostError):
    """Whole encrypted messages of too many bytes are under way."""

    code = "encrypted_messages_full"
    status = 503


class _Kept:
    """What whole messages under way may make a process keep."""

    def __init__(self) -> None:
        self._total = 0
        self._of: defaultdict[str, int] = defaultdict(int)

    def take(self, client: str, count: int) -> None:
        """
        Raises:
            TooMuchKept.
        """
        if self._total + count > _KEPT_BYTES or self._of[client] + count > _CLIENT_BYTES:
            raise TooMuchKept("whole encrypted messages of too many bytes are under way: send this one in chunks")
        self._total += count
        self._of[client] += count

    def give_back(self, client: str, count: int) -> None:
        self._total -= count
        self._of[client] -= count
        if not self._of[client]:
            del self._of[client]


class _Share:
    """What one exchange keeps."""

    def __init__(self, kept: _Kept, scope: Scope) -> None:
        self._kept = kept
        self._client: str = scope["client"][0] if scope.get("client") else ""
        self._size = self._counted = 0

    def grow(self, count: int) -> None:
        """
        Raises:
            TooMuchKept.
        """
        size = self._size + count
        if size > _SMALL_BYTES:
            self._kept.take(self._client, size - self._counted)
            self._counted = size
        self._size = size

    def close(self) -> None:
        """It keeps nothing any more."""
        self._kept.give_back(self._client, self._counted)
        self._size = self._counted = 0


class _Source(Protocol):
    """Where a message's bytes come from, decrypted. A call that is cancelled loses nothing."""

    async def pull(self) -> bytes | None:
        """The next of them; None when they have ended.

        Raises:
            UndecryptableMessage.
            ClientGone.
        """


class _WholeSource:
    def __init__(self, message: bytes) -> None:
        self._message = message
        self._at = 0

    async def pull(self) -> bytes | None:
        if self._at >= len(self._message):
            return None
        if self._at:
            await asyncio.sleep(0)
        piece = self._message[self._at : self._at + _PIECE_BYTES]
        self._at += _PIECE_BYTES
        return piece


class _ChunkSource:
    def __init__(self, chunks: ChunkDecoder, early: bytes, more: bool, receive: Receive) -> None:
        self._chunks = chunks
        self._waiting, self._more, self._receive = early, more, receive
        self._finished = False

    async def pull(self) -> bytes | None:
        while True:
            if self._waiting:
                await asyncio.sleep(0)
                piece, self._waiting = self._waiting[:_PIECE_BYTES], self._waiting[_PIECE_BYTES:]
                opened = self._chunks.feed(piece)
                if opened:
                    return opened
            elif self._more:
                self._waiting, self._more = await _received(self._receive)
            elif self._finished:
                return None
            else:
                self._finished = True
                return self._chunks.finish()


async def _received(receive: Receive) -> tuple[bytes, bool]:
    """A piece of a body, and whether more follows.

    Raises:
        ClientGone.
    """
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientGone
    return message.get("body", b""), message.get("more_body", False)


class _Inside:
    """The request inside, for the application: its head, and its content as ASGI messages."""

    def __init__(self, source: _Source, receive: Receive) -> None:
        self._source, self._receive = source, receive
        self._decoder = MessageDecoder(max_head_bytes=MAX_HEAD_BYTES, max_fields=MAX_HEADERS)
        self._events: deque[Event] = deque()
        self._ended = False
        self._declared: int | None = None
        self._taken = 0
        #: Why the request has come to no end.
        self.failure: CallerError | None = None

    async def head(self) -> RequestHead:
        """
        Raises:
            InvalidBinaryMessage, UndecryptableMessage, ClientGone.
        """
        head = await self._event()
        assert isinstance(head, RequestHead)
        return head

    async def is_empty(self) -> bool:
        """Whether nothing but the end follows the head."""
        event = await self._event()
        self._events.appendleft(event)
        return isinstance(event, End)

    async def _event(self) -> Event:
        while not self._events:
            piece = await self._source.pull()
            self._events += self._decoder.finish() if piece is None else self._decoder.feed(piece)
        return self._events.popleft()

    def expect(self, headers: Headers) -> None:
        """Holds the content to the length that these declare."""
        for name, value in headers:
            if name == b"content-length" and value.isdigit() and len(value) < 20:
                self._declared = int(value)

    async def receive(self) -> Message:
        """The next message of ASGI."""
        if self.failure is not None:
            return {"type": "http.disconnect"}
        if self._ended:
            return await self._receive()
        try:
            event = await self._event()
            if isinstance(event, Content):
                self._taken += len(event.data)
            self._ended = isinstance(event, End)
            declared = self._declared
            if declared is not None and (self._taken > declared or (self._ended and self._taken < declared)):
                raise InvalidBinaryMessage("the Content-Length is not the length of the content")
        except CallerError as error:
            self.failure = error
            return {"type": "http.disconnect"}
        except ClientGone:
            return {"type": "http.disconnect"}
        data = event.data if isinstance(event, Content) else b""
        return {"type": "http.request", "body": data, "more_body": not self._ended}


class _Answer:
    """What the application answers, on its way out."""

    def __init__(self, sealed: SealedRequest, send: Send, headers: Headers) -> None:
        self._begin, self._cipher = sealed.answer()
        self._out, self._outer_headers = send, headers
        self._status = 0
        self._headers: Headers = []
        self._trailers: Headers = []
        #: Whether any of it is on its way to the client, and all of it.
        self.begun = self.complete = False
        #: Why it cannot be sent.
        self.failure: WapoError | None = None

    async def send(self, message: Message) -> None:
        """Takes a message of ASGI."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            self._headers = [*message["headers"], (b"date", formatdate(usegmt=True).encode())]
            await self._start()
        elif message["type"] == "http.response.body":
            more = message.get("more_body", False)
            await self._body(message.get("body", b""), more)
            if not more:
                await self._end()
        elif message["type"] == "http.response.trailers":  # instead of the last piece of the body
            self._trailers = message["headers"]
            await self._end()

    async def _start(self) -> None:
        raise NotImplementedError

    async def _body(self, data: bytes, more: bool) -> None:
        raise NotImplementedError

    async def _end(self) -> None:
        raise NotImplementedError


class _WholeAnswer(_Answer):
    def __init__(self, sealed: SealedRequest, send: Send, headers: Headers, share: _Share) -> None:
        super().__init__(sealed, send, headers)
        self._share = share
        self._parts: list[bytes] = []
        self._size = 0

    async def _start(self) -> None:
        self._parts, self._size, self._trailers, self.failure = [], 0, [], None

    async def _body(self, data: bytes, more: bool) -> None:
        if self.failure is None:
            try:
                self._size += len(data)
                if self._size > _MOST_RESPONSE_BYTES:
                    raise EncryptedResponseTooLarge(
                        f"a response of more than {_MOST_RESPONSE_BYTES} bytes is encrypted in chunks only"
                    )
                self._share.grow(len(data))
                self._parts.append(data)
            except WapoError as error:
                self.failure = error
                self._parts.clear()
                self._share.close()  # or there were no room for the answer that says so
        if self.failure is not None and more:
            raise self.failure  # ends an agent that streams

    async def _end(self) -> None:
        if self.failure is not None:
            return
        self.begun = self.complete = True
        message = encode_response(self._status, self._headers, b"".join(self._parts), self._trailers)
        body = self._begin + self._cipher.seal(message)
        headers = [*self._outer_headers, (b"content-type", _WHOLE_RESPONSE), (b"content-length", b"%d" % len(body))]
        await self._out({"type": "http.response.start", "status": 200, "headers": headers})
        await self._out({"type": "http.response.body", "body": body})


class _ChunkedAnswer(_Answer):
    async def _start(self) -> None:
        self.begun = True
        headers = [*self._outer_headers, (b"content-type", _CHUNKED_RESPONSE)]
        await self._out({"type": "http.response.start", "status": 200, "headers": headers})
        head = encode_response_head(self._status, self._headers)
        await self._put(self._begin + self._sealed(head))

    async def _body(self, data: bytes, more: bool) -> None:
        for at in range(0, len(data), _SEALED_AT_ONCE):
            await self._put(self._sealed(encode_content(data[at : at + _SEALED_AT_ONCE])))

    async def _end(self) -> None:
        self.complete = True
        last = encode_last_chunk(self._cipher.seal(encode_end(self._trailers), FINAL))
        await self._out({"type": "http.response.body", "body": last})

    def _sealed(self, data: bytes) -> bytes:
        pieces = [data[at : at + CHUNK_BYTES] for at in range(0, len(data), CHUNK_BYTES)]
        return b"".join(encode_chunk(self._cipher.seal(piece)) for piece in pieces)

    async def _put(self, data: bytes) -> None:
        await self._out({"type": "http.response.body", "body": data, "more_body": True})


class ObliviousRoutes:
    """The resource that takes encrypted requests, and tells the key to encrypt to.

    Args:
        serve: the application that what is inside goes to.
    """

    def __init__(self, node: Node, serve: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._node = node
        self._serve = serve
        self._kept = _Kept()
        self._receiver: tuple[list[int], Receiver] | None = None
        self._looked = float("-inf")

    def _keys(self) -> Receiver:
        """Those of now: the current generation's, and those of generations that were given up a moment ago."""
        oldest = time.time() - _GRACE_S
        taken = [
            one.identity
            for one in reversed(self._node.identities.all)
            if one.until_s is None or one.until_s > oldest
        ]  # fmt: skip
        generations = [identity.generation for identity in taken]
        if self._receiver is None or self._receiver[0] != generations:
            self._receiver = generations, Receiver(taken)
        return self._receiver[1]

    async def __call__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        started = time.perf_counter()
        method: str = scope["method"]
        if method == "POST":
            await self._post(scope, receive, send, request_id, started)
            return
        if method in ("GET", "HEAD"):
            cache = (b"cache-control", b"max-age=%d" % _CACHED_S)
            reply = Reply(200, _KEYS, self._keys().configurations, [cache])
            add_defaults(reply.headers)
        elif is_preflight(method, scope["headers"]):
            reply = preflight_reply(scope["headers"])
        else:
            reply = text_reply(405, "405 Method Not Allowed")
            reply.headers.append((b"allow", b"GET, HEAD, POST"))
        await reply.send(send, request_id, started, head=method == "HEAD")

    async def _post(self, scope: Scope, receive: Receive, send: Send, request_id: str, started: float) -> None:
        share = _Share(self._kept, scope)
        try:
            sealed, source, chunked = await self._opened(scope, receive, share)
        except ClientGone:
            share.close()
            return
        except Exception as error:
            share.close()
            reply = _open_reply(error, request_id)
            add_defaults(reply.headers, error=True)
            await reply.send(send, request_id, started)
            return
        headers = [_NO_STORE, *common_headers(request_id, started)]
        add_defaults(headers)
        answer = _ChunkedAnswer(sealed, send, headers) if chunked else _WholeAnswer(sealed, send, headers, share)
        try:
            await self._answered(scope, sealed, _Inside(source, receive), answer, send)
        finally:
            share.close()

    async def _opened(self, scope: Scope, receive: Receive, share: _Share) -> tuple[SealedRequest, _Source, bool]:
        """The request, its first bytes, or all of them if it comes as a whole; and whether it comes in chunks."""
        media = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
        media = media.partition(b";")[0].strip().lower()
        if media not in (_WHOLE, _CHUNKED):
            raise UnsupportedEncryptedType(
                f"send an encrypted request as {_WHOLE.decode()} or {_CHUNKED.decode()} (RFC 9458)"
            )
        chunked = media == _CHUNKED
        most = self._node.settings.limits.request_bytes + MAX_HEAD_BYTES
        body, more = bytearray(), True
        try:
            async with asyncio.timeout(_HEAD_S if chunked else _WHOLE_S):
                while more and (not chunked or len(body) < PREFIX_BYTES):
                    piece, more = await _received(receive)
                    if not chunked:
                        share.grow(len(piece))
                        if len(body) + len(piece) > most:
                            raise EncryptedRequestTooLarge(f"a whole encrypted request may have {most} bytes")
                    body += piece
        except TimeoutError:
            raise EncryptedRequestLate("the encrypted request did not come in time") from None
        prefix, rest = bytes(body[:PREFIX_BYTES]), bytes(body[PREFIX_BYTES:])
        body.clear()
        try:
            sealed = self._keys().begin(prefix, chunked=chunked)
        except UnknownKey:  # another process of this node may have told it a moment ago
            if time.monotonic() - self._looked < _LOOKED_EVERY_S:
                raise
            self._looked = time.monotonic()
            await self._node.identities.load()
            sealed = self._keys().begin(prefix, chunked=chunked)
        if chunked:
            return sealed, _ChunkSource(sealed.chunks(), rest, more, receive), True
        return sealed, _WholeSource(sealed.open(rest)), False

    async def _answered(
        self,
        scope: Scope,
        sealed: SealedRequest,
        inside: _Inside,
        answer: _WholeAnswer | _ChunkedAnswer,
        outer: Send,
    ) -> None:
        inner_id, started = new_id(), time.perf_counter()

        async def send(message: Message) -> None:
            if inside.failure is None or answer.begun:  # else it is an answer to a part of the request
                await answer.send(message)

        try:
            inner = await self._admitted(scope, sealed, inside)
            await self._serve(inner, inside.receive, send)
            failure = inside.failure or answer.failure
            if failure is not None and not answer.complete:
                if answer.begun:
                    raise ResponseCut("an encrypted request came to no end") from failure
                raise failure
        except ClientGone:
            return
        except Exception as error:
            if answer.begun:
                raise  # the connection is closed: the last chunk is missing, and nobody takes the response for whole
            reply = _sealed_reply(error, inner_id) if sealed.proven else _open_reply(error, inner_id)
            add_defaults(reply.headers, error=True)
            await reply.send(answer.send if sealed.proven else outer, inner_id, started)

    async def _admitted(self, scope: Scope, sealed: SealedRequest, inside: _Inside) -> Scope:
        """The scope of the request inside, if it is one, of now, and for the first time.

        Raises:
            InvalidBinaryMessage, UndecryptableMessage, NotServedInside: it is no request, or one that is not served.
            UnacceptableDate, ReplayedRequest, TooManyEncrypted, StoreFailed.
            EncryptedRequestLate, ClientGone.
        """
        try:
            async with asyncio.timeout(_HEAD_S):
                head = await inside.head()
                if head.length is None and head.method in ("GET", "HEAD") and await inside.is_empty():
                    head = replace(head, length=0)
        except TimeoutError:
            raise EncryptedRequestLate("the encrypted request did not come in time") from None
        inner = inner_scope(head, scope)
        inside.expect(inner["headers"])
        replays = self._node.replays
        replays.check_date(_date(head), needed=head.method not in _SAFE)
        await replays.take(sealed.enc)
        return inner


def _date(head: RequestHead) -> float | None:
    """The Date of a request, in seconds since the epoch.

    Raises:
        UnacceptableDate: it is none.
    """
    dates = [value for name, value in head.fields if name == b"date"]
    if not dates:
        return None
    try:
        (date,) = dates
        return datetime.strptime(date.decode("ascii"), "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise UnacceptableDate("the Date of the request is none (RFC 9110 5.6.7)") from None


def _problem(kind: str, error: WapoError) -> Reply:
    """A problem that machines know (RFC 9457, RFC 9458 6.5 and 5.3)."""
    body = msgspec.json.encode({"type": _PROBLEMS + kind, "title": str(error), "status": error.status})
    return Reply(error.status, b"application/problem+json", body, [(b"x-wapo-error", error.code.encode())])


def _open_reply(error: Exception, request_id: str) -> Reply:
    """To what could not be decrypted."""
    if isinstance(error, UnknownKey | UndecryptableMessage):
        return _problem("ohttp-key", error)
    return failure_reply(error, request_id)


def _sealed_reply(error: Exception, request_id: str) -> Reply:
    """To what has been decrypted."""
    if isinstance(error, UnacceptableDate):
        return _problem("date", error)
    if isinstance(error, ResponseCut):
        return Reply(502, b"text/plain; charset=UTF-8", f"Server Error\nRequest ID: {request_id}".encode())
    return failure_reply(error, request_id)

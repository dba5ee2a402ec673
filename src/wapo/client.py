"""A client that encrypts requests to a node's key, so that nobody in front of the node reads them or their responses.

    async with EncryptedClient("https://node.example", key=key) as client:
        async with await client.request("POST", "/ipfs/<cid>/path", content=b"...") as response:
            print(response.status, await response.read())

Who could put another key in the place of the node's reads everything: ``key`` is what an attestation of the node says
(``wapo verify``). Without it the key is the one that the node's address tells, and whoever ends TLS there is trusted.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from email.utils import formatdate, parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import msgspec

from wapo.errors import CallerError, UpstreamError
from wapo.lazy import library
from wapo.trust.oblivious.binary_http import (
    Content,
    End,
    Event,
    Fields,
    InvalidBinaryMessage,
    MessageDecoder,
    ResponseHead,
    encode_content,
    encode_end,
    encode_request,
    encode_request_head,
)
from wapo.trust.oblivious.chunks import CHUNK_BYTES
from wapo.trust.oblivious.configuration import InvalidKeyConfiguration, KeyConfiguration, decode_configurations
from wapo.trust.oblivious.sending import Sender
from wapo.trust.oblivious.suites import UndecryptableMessage

if TYPE_CHECKING:
    import aiohttp
else:
    aiohttp = library("aiohttp")

__all__ = ["EncryptedCallFailed", "EncryptedClient", "EncryptedResponse", "InvalidOrigin", "WrongNodeKey"]

_PATH: Final = "/.well-known/ohttp-gateway"
_KEYS: Final = "application/ohttp-keys"
_MAX_KEYS_BYTES: Final = 64 << 10
_MAX_ERROR_BYTES: Final = 64 << 10
#: Of a response, before its content.
_MAX_HEAD_BYTES: Final = 1 << 20
_MAX_FIELDS: Final = 2000
#: Of a response that is whole; a node makes none of 32 MiB.
_MAX_WHOLE_BYTES: Final = 32 << 20
_PROBLEMS: Final = "https://iana.org/assignments/http-problem-types#"
_PROBLEM: Final = b"application/problem+json"


class InvalidOrigin(CallerError):
    """What should be a node's address is none."""

    code = "invalid_origin"


class WrongNodeKey(UpstreamError):
    """What answers at the node's address has another key than the one that was given."""

    code = "wrong_node_key"


class EncryptedCallFailed(UpstreamError):
    """The node, or whoever is in front of it, has not answered an encrypted request, or answered it in the open."""

    code = "encrypted_call_failed"


class EncryptedResponse:
    """A response, as it comes in. An async context manager; leaving it early closes the connection.

    Attributes:
        headers: names in lower case, in order.
        trailers: when all of it has been read.
    """

    def __init__(self, source: AsyncIterator[Event], head: ResponseHead, response: aiohttp.ClientResponse) -> None:
        self._source, self._response = source, response
        self.status = head.status
        self.headers = head.fields
        self.trailers: Fields = []
        #: What has been read of the content already.
        self.begun = b""

    def header(self, name: bytes) -> bytes | None:
        """The first value of that name, in lower case."""
        return next((value for key, value in self.headers if key == name), None)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The content, in pieces.

        Raises:
            EncryptedCallFailed: it ends in the middle, or somebody has changed it. What came before is the node's.
        """
        begun, self.begun = self.begun, b""
        if begun:
            yield begun
        async for event in self._source:
            if isinstance(event, Content):
                yield event.data
            elif isinstance(event, End):
                self.trailers = event.trailers

    async def read(self) -> bytes:
        """All of the content, as :meth:`__aiter__`."""
        return b"".join([piece async for piece in self])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._response.close()


class EncryptedClient:
    """Sends encrypted requests to one node. An async context manager.

    Args:
        origin: of the node: scheme and authority.
        key: the node's X25519 key, 32 bytes, if it is known from somewhere else.
        relay: an address that takes encrypted requests to the node, other than the node's own (RFC 9458 2).
        chunked: whether requests and responses stream; without it both are whole, as RFC 9458 alone has them.

    Raises:
        InvalidOrigin.
    """

    def __init__(
        self, origin: str, *, key: bytes | None = None, relay: str | None = None, chunked: bool = True
    ) -> None:
        try:
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0 or "@" in parts.netloc:
                raise ValueError
        except ValueError:
            raise InvalidOrigin(f"{origin!r} is no address of a node; one looks like https://node.example") from None
        self._scheme, self._authority = parts.scheme.encode(), parts.netloc.encode("idna")
        self._gateway = f"{parts.scheme}://{parts.netloc}{_PATH}"
        if relay is not None and not relay.startswith(("http://", "https://")):
            raise InvalidOrigin(f"{relay!r} is no address of a relay; one looks like https://relay.example/path")
        self._relay = relay or self._gateway
        self._key = key
        self._chunked = chunked
        self._configuration: KeyConfiguration | None = None
        self._clock_is_off_s = 0.0
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(), timeout=aiohttp.ClientTimeout(total=None, sock_connect=30)
        )
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def configuration(self, *, again: bool = False) -> KeyConfiguration:
        """The node's key.

        Raises:
            WrongNodeKey: it is not the one that was given.
            EncryptedCallFailed: nobody tells it.
        """
        if self._configuration is None or again:
            assert self._session is not None, "use it as a context manager"
            try:
                async with self._session.get(self._gateway, headers={"accept": _KEYS}, allow_redirects=False) as got:
                    data = await got.content.read(_MAX_KEYS_BYTES)
                    if got.status != 200 or got.content_type != _KEYS:
                        raise EncryptedCallFailed(
                            f"{self._gateway} tells no key to encrypt to: it answers {got.status} {got.content_type}"
                        )
            except (aiohttp.ClientError, OSError, ValueError) as error:
                raise EncryptedCallFailed(f"{self._gateway} does not answer: {error}") from None
            try:
                found = decode_configurations(data)
            except InvalidKeyConfiguration as error:
                raise EncryptedCallFailed(f"{self._gateway} tells no key to encrypt to: {error}") from None
            chosen = next((one for one in found if self._key is None or one.public == self._key), None)
            if chosen is None:
                raise WrongNodeKey(
                    f"the key that {self._gateway} tells is {found[0].public.hex()}, and not the one that was given: "
                    "somebody is in between, or the node has another key by now: verify it again"
                )
            self._configuration = chosen
        return self._configuration

    async def request(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[bytes, bytes]] = (),
        content: bytes | AsyncIterable[bytes] = b"",
    ) -> EncryptedResponse:
        """Sends one request. Content that is whole is sent once more, encrypted anew, if the clock here is off; and,
        where no key was given, if the node has another one by now. That is said in the open, by whoever is in front,
        who may have passed the request on.

        Args:
            target: path and query.
            headers: names in lower case.

        Raises:
            WrongNodeKey, EncryptedCallFailed.
        """
        whole = isinstance(content, bytes)
        for last in (not whole, False, True):
            configuration = await self.configuration()
            try:
                response = await self._send(configuration, method, target, headers, content)
            except _KeyProblem as problem:
                if last or self._key is not None or await self.configuration(again=True) == configuration:
                    raise EncryptedCallFailed(f"the node refuses the encrypted request: {problem}") from None
                continue
            if last or not await self._clock_was_off(response):
                break
            await response.read()
        return response

    async def _clock_was_off(self, response: EncryptedResponse) -> bool:
        """Whether that is why the response is none; then it is as the node's from now on (RFC 9458 6.5.2)."""
        date = response.header(b"date")
        if response.status != 400 or response.header(b"content-type") != _PROBLEM or date is None:
            return False
        begun = bytearray()
        async for piece in response:
            begun += piece
            if len(begun) > _MAX_ERROR_BYTES:
                break  # an agent's own, which may have no end
        response.begun = bytes(begun)
        try:
            kind = msgspec.json.decode(response.begun, type=dict[str, Any]).get("type")
            offset = parsedate_to_datetime(date.decode("ascii")).timestamp() - time.time()
        except (msgspec.DecodeError, ValueError, UnicodeDecodeError):
            return False
        if kind != _PROBLEMS + "date" or abs(offset - self._clock_is_off_s) < _CLOCK_S:
            return False
        self._clock_is_off_s = offset
        return True

    async def _send(
        self,
        configuration: KeyConfiguration,
        method: str,
        target: str,
        headers: Iterable[tuple[bytes, bytes]],
        content: bytes | AsyncIterable[bytes],
    ) -> EncryptedResponse:
        """
        Raises:
            _KeyProblem: the node wants another key.
            EncryptedCallFailed.
        """
        assert self._session is not None, "use it as a context manager"
        sender = Sender(configuration, chunked=self._chunked)
        fields = list(headers)
        if not any(name == b"date" for name, _ in fields):
            fields.append((b"date", formatdate(time.time() + self._clock_is_off_s, usegmt=True).encode()))
        control = method, self._scheme, self._authority, target.encode("ascii"), fields
        if self._chunked:
            body: bytes | AsyncIterator[bytes] = _chunks(sender, encode_request_head(*control), content)
        else:
            body = sender.seal(encode_request(*control, b"".join([piece async for piece in _pieces(content)])))
        kind = "message/ohttp-chunked-" if self._chunked else "message/ohttp-"
        try:
            response = await self._session.post(
                self._relay, data=body, headers={"content-type": f"{kind}req"}, allow_redirects=False
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise EncryptedCallFailed(f"{self._relay} does not answer: {error}") from None
        try:
            if response.status != 200 or response.content_type != f"{kind}res":
                raise await _refusal(response)
            events = (_events if self._chunked else _whole_events)(sender, response)
            head = await anext(events)
            assert isinstance(head, ResponseHead)
            return EncryptedResponse(events, head, response)
        except BaseException:
            response.close()
            raise


class _KeyProblem(Exception):
    """The node says that it does not have the key."""


_CLOCK_S: Final = 5.0


async def _refusal(response: aiohttp.ClientResponse) -> Exception:
    """What an answer in the open says, which nobody has to be believed."""
    try:
        data = await response.content.read(_MAX_ERROR_BYTES)
        value = msgspec.json.decode(data, type=dict[str, Any])
        title = str(value.get("title") or value.get("error") or "")
        kind = value.get("type")
    except (aiohttp.ClientError, OSError, msgspec.DecodeError, UnicodeDecodeError):
        title = kind = ""
    if kind == _PROBLEMS + "ohttp-key":
        return _KeyProblem(title)
    said = f": {title}" if title.isprintable() and title else ""
    return EncryptedCallFailed(
        f"{response.url} answers {response.status} {response.content_type}, and no encrypted response{said}"
    )


async def _chunks(sender: Sender, head: bytes, content: bytes | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """An encrypted request in chunks."""
    yield sender.prefix
    yield sender.seal_chunk(head)
    async for piece in _pieces(content):
        part = encode_content(piece)
        for at in range(0, len(part), CHUNK_BYTES):
            yield sender.seal_chunk(part[at : at + CHUNK_BYTES])
    yield sender.seal_chunk(encode_end(), last=True)


async def _pieces(content: bytes | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    if isinstance(content, bytes):
        yield content
    else:
        async for piece in content:
            yield piece


async def _events(sender: Sender, response: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    """Of a response in chunks, as they come."""
    decoder = MessageDecoder(response=True, max_head_bytes=_MAX_HEAD_BYTES, max_fields=_MAX_FIELDS)
    try:
        async for data in response.content.iter_any():
            for event in decoder.feed(sender.feed(data)):
                yield event
        for event in decoder.feed(sender.finish()) + decoder.finish():
            yield event
    except (aiohttp.ClientError, OSError, UndecryptableMessage, InvalidBinaryMessage) as error:
        raise _broken(error) from None


async def _whole_events(sender: Sender, response: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    decoder = MessageDecoder(response=True, max_head_bytes=_MAX_HEAD_BYTES, max_fields=_MAX_FIELDS)
    try:
        body = bytearray()
        async for data in response.content.iter_any():
            body += data
            if len(body) > _MAX_WHOLE_BYTES:
                raise UndecryptableMessage(f"it has more than {_MAX_WHOLE_BYTES} bytes")
        events = decoder.feed(sender.open(bytes(body))) + decoder.finish()
    except (aiohttp.ClientError, OSError, UndecryptableMessage, InvalidBinaryMessage) as error:
        raise _broken(error) from None
    for event in events:
        yield event


def _broken(error: Exception) -> EncryptedCallFailed:
    return EncryptedCallFailed(f"the encrypted response is not whole, or not the node's: {error}")

"""Targets that are encrypted: what is inside, what is around it, keys; and a gateway that gets all of that."""

import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from email.utils import formatdate
from pathlib import Path
from random import Random

import httpx
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.conftest import opened_site
from tests.fuzz.servers import HASTY, calm, watched
from tests.fuzz.target import Check, Target, plain
from wapo.content.blocks import MemoryBlocks
from wapo.content.importer import pack_bytes, store_now
from wapo.gateway.inner import NotServedInside, inner_scope
from wapo.trust.identity import NodeIdentity
from wapo.trust.keys import NodeKeys
from wapo.trust.oblivious.binary_http import (
    Content,
    End,
    Event,
    InvalidBinaryMessage,
    MessageDecoder,
    RequestHead,
    ResponseHead,
    encode_content,
    encode_end,
    encode_request,
    encode_request_head,
    encode_response,
    encode_response_head,
    is_field,
)
from wapo.trust.oblivious.configuration import (
    InvalidKeyConfiguration,
    KeyConfiguration,
    decode_configurations,
    encode_configurations,
)
from wapo.trust.oblivious.receiving import PREFIX_BYTES, Receiver, UnknownKey
from wapo.trust.oblivious.sending import Sender
from wapo.trust.oblivious.suites import UndecryptableMessage

__all__ = ["OBLIVIOUS"]

SOURCE = b"export default { fetch: async (r) => new Response(`${r.method} ${r.url} ${await r.text()}`) };"
PROGRAM = b"/ipfs/" + str(store_now(MemoryBlocks(), pack_bytes(SOURCE)).cid).encode()
NOW = 1_800_000_000
DATE = (b"date", formatdate(NOW, usegmt=True).encode())
HEAD = b"https", b"a.example", PROGRAM + b"/x?y=z"


class RfcIdentity(NodeIdentity):
    """With the key of RFC 9458, appendix A, and so a request whose bytes are always the same."""

    @property
    def agreement_key(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(
            bytes.fromhex("3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a")
        )


RFC_REQUEST = bytes.fromhex(
    "010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b4726374e469135906992e1268c594d2a10c"
    "695d858c40a026e7965e7d86b83dd440b2c0185204b4d63525"
)
RFC_RECEIVER = Receiver([RfcIdentity(NodeKeys(bytes(32)))])
RECEIVER = Receiver([NodeIdentity(NodeKeys(bytes(32)))])
CONFIGURATION = decode_configurations(RECEIVER.configurations)[0]


def cut(data: bytes, random: Random) -> list[bytes]:
    places = sorted(random.randrange(len(data) + 1) for _ in range(random.randrange(6)))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


def _messages(case: bytes) -> None:
    """What is read does not depend on the pieces, is what a connection would let pass, and can be written again."""

    def read(pieces: Sequence[bytes], response: bool) -> list[Event] | None:
        decoder = MessageDecoder(response=response, max_head_bytes=1 << 12, max_fields=20)
        try:
            events = [event for piece in pieces for event in decoder.feed(piece)] + decoder.finish()
        except InvalidBinaryMessage:
            return None
        content = b"".join(event.data for event in events if isinstance(event, Content))
        return [events[0], Content(content), events[-1]]

    for response in (False, True):
        events = read([case], response)
        assert events == read(cut(case, Random(zlib.crc32(case))), response)
        if events is None:
            continue
        head, content, end = events
        assert isinstance(content, Content)
        assert isinstance(end, End)
        assert isinstance(head, ResponseHead if response else RequestHead)
        assert all(is_field(name, value) for name, value in head.fields + end.trailers)
        if isinstance(head, ResponseHead):
            again = encode_response(head.status, head.fields, content.data, end.trailers)
            assert read([again], True) == [ResponseHead(head.status, head.fields, len(content.data)), content, end]
            continue
        with suppress(InvalidBinaryMessage, NotServedInside):
            scope = inner_scope(head, {"asgi": {}})
            assert [name for name, _ in scope["headers"]].count(b"host") == 1
            assert b"\r" not in scope["raw_path"]
            assert scope["raw_path"].startswith((b"/ipfs/", b"/run_js", b"/local", b"/vaults"))


def _around(case: bytes) -> None:
    """Damaged ciphertext, framing and keys are refused in words, on either side."""
    with suppress(InvalidKeyConfiguration):
        found = decode_configurations(case)
        assert decode_configurations(encode_configurations(found)) == found
        for configuration in found[:2]:
            Sender(configuration)
    for chunked in (False, True):
        with suppress(UnknownKey, UndecryptableMessage):
            opened = RFC_RECEIVER.begin(case[:PREFIX_BYTES], chunked=chunked)
            opened.open(case[PREFIX_BYTES:])
            assert (case, chunked) == (RFC_REQUEST, False)
        with suppress(UndecryptableMessage):
            Sender(CONFIGURATION, chunked=chunked).open(case)
            raise AssertionError
    sender = Sender(CONFIGURATION, chunked=True)
    with suppress(UndecryptableMessage):
        for piece in cut(case, Random(zlib.crc32(case))):
            sender.feed(piece)
        sender.finish()
        raise AssertionError
    # Framing that is right, around what is not.
    sender = Sender(CONFIGURATION, chunked=True)
    chunks = RECEIVER.begin(sender.prefix, chunked=True).chunks()
    sealed = sender.seal_chunk(case[:100]) + sender.seal_chunk(case[100:], last=True)
    assert b"".join(map(chunks.feed, cut(sealed, Random(len(case))))) + chunks.finish() == case


@asynccontextmanager
async def _gateway(folder: Path) -> AsyncIterator[Check]:
    """A request to a real gateway. The first byte of a case says how it goes there: encrypted as a whole, in chunks, in
    chunks of which one is missing, or as it is. It is answered, and by no error that nobody thought of."""
    async with opened_site(folder / "node", server={"patience": HASTY}) as site, watched() as quiet:
        path = await site.publish(SOURCE)
        assert (await site.client.get(path)).status_code == 200
        assert (await site.client.get(PROGRAM.decode())).status_code == 200
        site.node.replays._clock = lambda: NOW
        configuration = KeyConfiguration.of(site.node.identity)
        url = f"{site.url}/.well-known/ohttp-gateway"

        async def check(case: bytes) -> None:
            kind, message, random = case[:1], case[1:], Random(zlib.crc32(case))
            kind = kind if kind in (b"w", b"r", b"R", b"m") else b"c"
            chunked = kind not in (b"w", b"r")
            sender = Sender(configuration, chunked=chunked)
            body: bytes | AsyncIterator[bytes] = message
            if kind == b"w":
                body = sender.seal(message)
            elif chunked and kind != b"R":
                *rest, last = cut(message, random)
                sealed = [sender.seal_chunk(piece) for piece in rest] + [sender.seal_chunk(last, last=True)]
                if kind == b"m":
                    del sealed[random.randrange(len(sealed))]
                body = _slowly([sender.prefix, *sealed])
            name = "message/ohttp-chunked-" if chunked else "message/ohttp-"
            answer = await site.client.post(url, content=body, headers={"content-type": f"{name}req"})
            quiet.check()
            _check_answer(answer, sender, chunked, kind)

        yield check
        await calm(site)


async def _slowly(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _check_answer(answer: httpx.Response, sender: Sender, chunked: bool, kind: bytes) -> None:
    if kind in (b"r", b"R") or (kind == b"m" and answer.status_code != 200):
        assert 400 <= answer.status_code < 500
        assert answer.headers["x-wapo-error"]
        return
    assert answer.headers["content-type"] == f"message/ohttp-{'chunked-' * chunked}res", (
        answer.status_code,
        answer.text,
    )
    opened = sender.feed(answer.content) + sender.finish() if chunked else sender.open(answer.content)
    decoder = MessageDecoder(response=True, max_head_bytes=1 << 16, max_fields=100)
    head, *_, end = decoder.feed(opened) + decoder.finish()
    assert isinstance(head, ResponseHead)
    assert isinstance(end, End)
    assert head.status < 500 or head.status == 503, (head, opened)


_FIELDS = [DATE, (b"x-own", b"1"), (b"content-type", b"text/plain")]
_KNOWN: Callable[..., bytes] = lambda method, body=b"", fields=_FIELDS: encode_request(method, *HEAD, fields, body)  # noqa: E731
_REQUESTS = [
    _KNOWN("GET"), _KNOWN("POST", b"a body"), _KNOWN("POST", b"a body", [*_FIELDS, (b"content-length", b"6")]),
    encode_request_head("PUT", *HEAD, _FIELDS) + encode_content(b"one") + encode_content(b"two") + encode_end([(b"t", b"1")]),
    encode_request_head("GET", *HEAD, []) + encode_end(), _KNOWN("GET", b"", [(b"host", b"a.example")]) + bytes(5),
    encode_request("POST", b"http", b"a", b"/vaults", [DATE], b'{"cid":"local","data":{}}'),
    encode_request("OPTIONS", b"https", b"a", PROGRAM, [(b"access-control-request-method", b"PUT")], b""),
]  # fmt: skip
_RESPONSES = [
    encode_response(200, [(b"a", b"b")], b"body", [(b"c", b"d")]), b"\1\x40\x66\0" + encode_response(404, [], b"")[1:],
    encode_response_head(201, [(b"a", b"b")]) + encode_content(b"x") * 3 + encode_end(),
]  # fmt: skip
_TOKENS = (
    b"\0", b"\x40\x00", b"\x80\0\0\0", b"\xc0" + bytes(7), b"\xff" * 8, b"\x04host\x01a", b"\x0econtent-length\x01",
    b"\x11transfer-encoding\x07chunked", b"CONNECT", b"/metrics", b"..%2f", b"\r\n", b"\x07upgrade\x09websocket",
)  # fmt: skip

OBLIVIOUS: dict[str, Target] = {
    "binary-http": Target([*_REQUESTS, *_RESPONSES], plain(_messages), _TOKENS),
    "oblivious": Target(
        [RFC_REQUEST, RECEIVER.configurations, RECEIVER.configurations * 2, bytes(60)],
        plain(_around), (CONFIGURATION.header(1), b"\0\x20", b"\0\x21", bytes(32), b"\0\1\0\1", b"\x40\x10", b"\0"),
    ),
    "encrypted": Target(
        [kind + request for request in _REQUESTS for kind in (b"w", b"c", b"m")]
        + [kind + CONFIGURATION.header(1) + bytes(60) for kind in (b"r", b"R")],
        _gateway, _TOKENS, longest_s=2,
    ),
}  # fmt: skip

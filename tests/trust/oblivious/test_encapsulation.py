"""Encrypted messages: the example of RFC 9458, appendix A, and every change of a byte."""

from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from wapo.trust.identity import NodeIdentity
from wapo.trust.keys import NodeKeys
from wapo.trust.oblivious.chunks import ChunkDecoder, encode_chunk, encode_last_chunk
from wapo.trust.oblivious.configuration import (
    InvalidKeyConfiguration,
    KeyConfiguration,
    decode_configurations,
    encode_configurations,
)
from wapo.trust.oblivious.receiving import PREFIX_BYTES, Receiver, UnknownKey
from wapo.trust.oblivious.sending import Sender
from wapo.trust.oblivious.suites import FINAL, MAX_CHUNK_BYTES, UndecryptableMessage

KEYS = NodeKeys(bytes(32))
IDENTITY = NodeIdentity(KEYS)
RECEIVER = Receiver([IDENTITY])
CONFIGURATION = KeyConfiguration.of(IDENTITY)


class RfcIdentity(NodeIdentity):
    """With the key of RFC 9458, appendix A."""

    @property
    def agreement_key(self) -> X25519PrivateKey:
        return X25519PrivateKey.from_private_bytes(
            bytes.fromhex("3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a")
        )


def test_the_example_of_the_rfc() -> None:
    request = bytes.fromhex(
        "010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b4726374e469135906992e1268c594d2a10c"
        "695d858c40a026e7965e7d86b83dd440b2c0185204b4d63525"
    )
    opened = Receiver([RfcIdentity(KEYS)]).begin(request[:PREFIX_BYTES], chunked=False)
    assert opened.open(request[PREFIX_BYTES:]).hex() == "00034745540568747470730b6578616d706c652e636f6d012f"
    nonce, cipher = opened.answer(lambda _: bytes.fromhex("c789e7151fcba46158ca84b04464910d"))
    assert (nonce + cipher.seal(bytes.fromhex("0140c8"))).hex() == (
        "c789e7151fcba46158ca84b04464910d86f9013e404feea014e7be4a441f234f857fbd"
    )


def test_the_key_configuration_of_the_rfc() -> None:
    data = bytes.fromhex(
        "002d01002031e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e79815500080001000100010003"
    )
    (found,) = decode_configurations(data)
    assert (found.key_id, found.public.hex()[:8], found.aeads) == (1, "31e1f05a", (1, 3))
    assert encode_configurations([found]) == data


@pytest.mark.parametrize("aead", [1, 2, 3])
def test_there_and_back(aead: int) -> None:
    sender = Sender(KeyConfiguration(1, IDENTITY.agreement_public, (aead,)))
    sealed = sender.seal(b"a request")
    opened = RECEIVER.begin(sealed[:PREFIX_BYTES], chunked=False)
    assert opened.open(sealed[PREFIX_BYTES:]) == b"a request"
    nonce, cipher = opened.answer()
    assert sender.open(nonce + cipher.seal(b"a response")) == b"a response"
    again, _ = opened.answer()
    assert again != nonce


def pieces(data: bytes, seed: int) -> list[bytes]:
    random = Random(seed)
    cuts = sorted(random.randrange(len(data) + 1) for _ in range(random.randrange(6)))
    return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]


@settings(deadline=None)
@given(
    st.lists(st.binary(max_size=100), max_size=5),
    st.binary(max_size=50),
    st.integers(0, 1000),
    st.sampled_from([1, 2, 3]),
)
def test_chunks_there_and_back(parts: list[bytes], last: bytes, seed: int, aead: int) -> None:
    sender = Sender(KeyConfiguration(1, IDENTITY.agreement_public, (aead,)), chunked=True)
    sealed = b"".join(map(sender.seal_chunk, parts)) + sender.seal_chunk(last, last=True)
    opened = RECEIVER.begin(sender.prefix, chunked=True)
    chunks = opened.chunks()
    assert b"".join(map(chunks.feed, pieces(sealed, seed))) + chunks.finish() == b"".join(parts) + last
    nonce, cipher = opened.answer()
    answer = nonce + b"".join(encode_chunk(cipher.seal(part)) for part in parts)
    answer += encode_last_chunk(cipher.seal(last, FINAL))
    assert b"".join(map(sender.feed, pieces(answer, seed + 1))) + sender.finish() == b"".join(parts) + last


def test_every_change_of_a_byte_is_refused() -> None:
    """Of the request, its prefix too, and of the response."""
    sender = Sender(CONFIGURATION)
    request = sender.seal(b"a request")
    opened = RECEIVER.begin(request[:PREFIX_BYTES], chunked=False)
    nonce, cipher = opened.answer()
    response = nonce + cipher.seal(b"a response")
    for at in range(len(request)):
        for change in (1, 0x80):
            damaged = bytearray(request)
            damaged[at] ^= change
            with pytest.raises((UndecryptableMessage, UnknownKey)):
                RECEIVER.begin(bytes(damaged[:PREFIX_BYTES]), chunked=False).open(bytes(damaged[PREFIX_BYTES:]))
    for at in range(len(response)):
        damaged = bytearray(response)
        damaged[at] ^= 1
        with pytest.raises(UndecryptableMessage):
            sender.open(bytes(damaged))
    for cut in (request[:3], request[:PREFIX_BYTES], request[:-1], request + b"\0"):
        with pytest.raises(UndecryptableMessage):
            RECEIVER.begin(cut[:PREFIX_BYTES], chunked=False).open(cut[PREFIX_BYTES:])
    for cut in (b"", response[:5], response[:16], response[:-1]):
        with pytest.raises(UndecryptableMessage):
            sender.open(cut)


def test_a_request_is_whole_or_in_chunks_and_says_so() -> None:
    """Neither is taken for the other."""
    sealed = Sender(CONFIGURATION).seal(b"a request")
    with pytest.raises(UndecryptableMessage):
        RECEIVER.begin(sealed[:PREFIX_BYTES], chunked=True).open(sealed[PREFIX_BYTES:], FINAL)
    sender = Sender(CONFIGURATION, chunked=True)
    chunk = sender.seal_chunk(b"a request", last=True)
    with pytest.raises(UndecryptableMessage):
        RECEIVER.begin(sender.prefix, chunked=False).open(chunk[1:])


def test_chunks_cannot_be_left_out_or_reordered() -> None:
    sender = Sender(CONFIGURATION, chunked=True)
    first, second, third = sender.seal_chunk(b"1"), sender.seal_chunk(b"2"), sender.seal_chunk(b"3", last=True)

    def read(data: bytes) -> bytes:
        chunks = RECEIVER.begin(sender.prefix, chunked=True).chunks()
        return chunks.feed(data) + chunks.finish()

    assert read(first + second + third) == b"123"
    not_last = b"\0" + second[1:]
    for data in (
        b"", first, first + second, second + first + third, first + third, first + first + second + third,
        first + not_last, first + second + third + b"\0", first + second + third[:-1], third,
    ):  # fmt: skip
        with pytest.raises(UndecryptableMessage):
            read(data)


@pytest.mark.parametrize("last", [False, True])
def test_a_chunk_is_not_collected_for_ever(last: bool) -> None:
    decoder = ChunkDecoder(lambda _sealed, _label: b"")
    with pytest.raises(UndecryptableMessage, match=f"a chunk may have {MAX_CHUNK_BYTES} bytes"):
        decoder.feed((b"\0" if last else b"\xbf\xff\xff\xff") + bytes(MAX_CHUNK_BYTES + 1))


def test_an_earlier_generation_opens_what_was_sent_to_it() -> None:
    second = NodeIdentity(KEYS, 2)
    receiver = Receiver([second, IDENTITY])
    (offered,) = decode_configurations(receiver.configurations)
    assert (offered.key_id, offered.public) == (2, second.agreement_public)
    for configuration in (offered, CONFIGURATION):
        sealed = Sender(configuration).seal(b"a request")
        assert receiver.begin(sealed[:PREFIX_BYTES], chunked=False).open(sealed[PREFIX_BYTES:]) == b"a request"
    sealed = Sender(offered).seal(b"a request")
    with pytest.raises(UnknownKey, match="a key that this node does not have"):
        RECEIVER.begin(sealed[:PREFIX_BYTES], chunked=False)


def test_points_of_low_order_are_no_keys() -> None:
    """Everybody would know what is agreed with them."""
    for point in (bytes(32), b"\1" + bytes(31)):
        with pytest.raises(InvalidKeyConfiguration):
            Sender(KeyConfiguration(1, point))
        with pytest.raises(UndecryptableMessage):
            RECEIVER.begin(CONFIGURATION.header(1) + point, chunked=False)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\0", b"\0\x05abc", b"\0\x02ab", encode_configurations([CONFIGURATION])[:-1],
        b"\0\x29" + CONFIGURATION.encode()[:-8] + b"\0\x05" + bytes(4),  # a length that is not its algorithms'
        b"\0\x29" + b"\1\0\x21" + bytes(38),  # another KEM
        encode_configurations([KeyConfiguration(1, bytes(32), ())]),
        encode_configurations([KeyConfiguration(1, bytes(32), (9,))]),
    ],
)  # fmt: skip
def test_what_is_no_key_configuration(data: bytes) -> None:
    with pytest.raises(InvalidKeyConfiguration):
        decode_configurations(data)


def test_keys_of_other_kinds_are_passed_over() -> None:
    other = b"\1\0\x21" + bytes(56) + b"\0\4\0\1\0\1"
    data = len(other).to_bytes(2, "big") + other + encode_configurations([CONFIGURATION])
    assert decode_configurations(data) == [CONFIGURATION]


@given(st.binary(max_size=200))
def test_any_bytes_are_keys_or_none(data: bytes) -> None:
    try:
        found = decode_configurations(data)
    except InvalidKeyConfiguration:
        return
    assert decode_configurations(encode_configurations(found)) == found

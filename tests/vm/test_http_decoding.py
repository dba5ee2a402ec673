"""Content codings of responses: exact, in bounded pieces, and damaged ones noticed."""

import gzip
import zlib
from collections.abc import AsyncIterator, Callable

import brotli
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wapo.vm.http_decoding import UndecodableBody, decode, decoders_of


def raw_deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


ENCODERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "two gzip members": (
        "gzip",
        lambda data: gzip.compress(data[: len(data) // 2]) + gzip.compress(data[len(data) // 2 :]),
    ),
    "zlib": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "br": ("br", lambda data: bytes(brotli.compress(data))),
    "gzip of br": ("br, gzip", lambda data: gzip.compress(brotli.compress(data))),
}


async def cut(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def decoded(coding: str, data: bytes, size: int = 1000) -> tuple[bytes, int]:
    """The body, and the size of its largest piece."""
    chunks: AsyncIterator[bytes] = cut(data, size)
    for decoder in decoders_of(coding) or ():
        chunks = decode(decoder, chunks)
    pieces = [piece async for piece in chunks]
    return b"".join(pieces), max(map(len, pieces), default=0)


@pytest.mark.parametrize("name", ENCODERS)
@settings(max_examples=25, deadline=None)
@given(data=st.binary(max_size=5000), size=st.integers(1, 700))
async def test_what_was_encoded_is_decoded(name: str, data: bytes, size: int) -> None:
    coding, encode = ENCODERS[name]
    assert (await decoded(coding, encode(data), size))[0] == data


@pytest.mark.parametrize("name", ENCODERS)
async def test_a_bomb_comes_in_small_pieces(name: str) -> None:
    """30 MB from a few KB: never more than a piece of it is in memory at a time."""
    coding, encode = ENCODERS[name]
    data, largest = await decoded(coding, encode(bytes(30_000_000)), 10_000)
    assert len(data) == 30_000_000
    assert largest <= 1 << 18


@pytest.mark.parametrize("name", ENCODERS)
async def test_a_body_that_ends_early_is_noticed(name: str) -> None:
    coding, encode = ENCODERS[name]
    whole = encode(b"hello " * 1000)
    with pytest.raises(UndecodableBody):
        await decoded(coding, whole[:-3])


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
async def test_a_damaged_body_is_noticed(coding: str) -> None:
    with pytest.raises(UndecodableBody):
        await decoded(coding, b"\x1f\x8bthis is not compressed at all" * 20)


def test_unknown_codings_are_left_alone() -> None:
    assert decoders_of("x-unknown") is None
    assert decoders_of("") == []
    assert decoders_of("identity") == []

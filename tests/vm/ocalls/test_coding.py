"""Coders (docs/abi.md, 1080 to 1082)."""

import itertools
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vm.puppet import BUFFER, Puppet
from wapo.abi.results import ERR, OcallError, OcallFailure
from wapo.engine.engine import Engine
from wapo.vm.ocalls.coding import MAX_CODERS, MAX_PIECE_BYTES, _Decoder, _Encoder

INVALID = ERR | OcallError.INVALID_PARAMETER
BITS = {1: 15, 2: -15, 3: 31}
AT = BUFFER + 4096


def code(coder: _Encoder | _Decoder, data: bytes, cuts: list[int], room: int) -> bytes | None:
    """What comes out; None if the data is malformed."""
    output = b""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(edges)]
    for index, piece in enumerate(pieces):
        coder.take(piece, index == len(pieces) - 1)
        try:
            while out := coder.give(room):
                assert len(out) <= room
                output += out
        except OcallFailure as failure:
            if failure.code is not OcallError.IO_ERROR:
                raise
            return None
    return output


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from([1, 2, 3]), st.binary(max_size=3000), st.lists(st.integers(0, 5000), max_size=6), st.integers(1, 90)
)
def test_coders_agree_with_zlib(kind: int, data: bytes, cuts: list[int], room: int) -> None:
    """Whatever the pieces and the room to read into."""
    encoded = code(_Encoder(BITS[kind]), data, cuts, room)
    assert encoded is not None
    assert zlib.decompress(encoded, BITS[kind]) == data
    assert code(_Decoder(BITS[kind]), encoded, cuts, room) == data
    assert code(_Decoder(BITS[kind]), encoded[:-1], cuts, room) is None
    assert code(_Decoder(BITS[kind]), encoded + b"x", cuts, room) is None


@settings(deadline=None)
@given(st.sampled_from([1, 2, 3]), st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(kind: int, data: bytes) -> None:
    code(_Decoder(BITS[kind]), data, [], 64)


def test_a_bomb_comes_out_piece_by_piece() -> None:
    """The host holds no more of it than one piece."""
    bomb = zlib.compress(bytes(64 << 20), 9)
    coder, total = _Decoder(15), 0
    for at in range(0, len(bomb), MAX_PIECE_BYTES):
        coder.take(bomb[at : at + MAX_PIECE_BYTES], at + MAX_PIECE_BYTES >= len(bomb))
        while out := coder.give(1 << 30):
            assert len(out) <= MAX_PIECE_BYTES
            total += len(out)
    assert total == 64 << 20


def test_input_waits_for_output_to_be_read() -> None:
    """Otherwise a program could pile it up in the host."""
    coder = _Decoder(15)
    coder.take(zlib.compress(b"hello"), False)
    with pytest.raises(OcallFailure):
        coder.take(b"more", False)


async def test_what_a_program_may_ask(engine: Engine) -> None:
    async with Puppet(engine) as puppet:
        pointer, length = puppet.put(b"hello", BUFFER)
        assert await puppet.call(1080, 0, 0) == INVALID
        assert await puppet.call(1080, 4, 0) == INVALID
        assert await puppet.call(1080, 1, 2) == INVALID
        assert await puppet.call(1080, 3, 0) == 0
        assert await puppet.call(1081, 0, pointer, MAX_PIECE_BYTES + 1, 0) == INVALID
        assert await puppet.call(1081, 0, pointer, length, 2) == INVALID
        assert await puppet.call(1081, 0, 0xFFFFFFF0, 32, 0) == INVALID
        assert await puppet.call(1081, 7, pointer, length, 0) == ERR | OcallError.NOT_FOUND
        assert await puppet.call(1082, 7, AT, 10) == ERR | OcallError.NOT_FOUND
        assert await puppet.call(1082, 0, 0xFFFFFFF0, 32) == INVALID
        assert await puppet.call(103, 0, 0, AT, 1000) == ERR | OcallError.UNSUPPORTED_OPERATION
        assert await puppet.call(1081, 0, pointer, length, 1) == 0
        count = await puppet.call(1082, 0, AT, 1000)
        assert zlib.decompress(puppet.get(count, AT), 31) == b"hello"
        assert await puppet.call(1082, 0, AT, 1000) == 0
        assert await puppet.call(1081, 0, pointer, length, 0) == INVALID


async def test_a_program_has_only_so_many_coders(engine: Engine) -> None:
    """Each holds memory of the host; one that is closed makes room."""
    async with Puppet(engine) as puppet:
        results = await puppet.replay([(1080, 1, 0)] * (MAX_CODERS + 1))
        assert results == [*range(MAX_CODERS), ERR | OcallError.RESOURCE_LIMITED]
        assert await puppet.replay([(101, 5), (1080, 1, 1)]) == [0, 5]

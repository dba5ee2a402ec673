"""Pipes between guest and host: in order, bounded, and honest about how they end."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wapo.vm.resources.pipe import Pipe, PipeBroken


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=20), st.integers(1, 100), st.integers(1, 120))
def test_bytes_arrive_in_order_however_they_were_cut(pieces: list[bytes], capacity: int, limit: int) -> None:
    """Whatever the sizes of writes and reads, and never more than the capacity in between."""

    async def main() -> bytes:
        pipe = Pipe(capacity)

        async def produce() -> None:
            for piece in pieces:
                await pipe.write(piece)
                assert pipe.buffered <= capacity
            pipe.end()

        producer = asyncio.create_task(produce())
        received = b""
        while chunk := await pipe.read(limit):
            assert len(chunk) <= limit
            received += chunk
        await producer
        return received

    assert asyncio.run(main()) == b"".join(pieces)


async def test_a_writer_waits_for_the_reader() -> None:
    pipe = Pipe(10)
    writer = asyncio.create_task(pipe.write(b"x" * 25))
    await asyncio.sleep(0)
    assert not writer.done()
    assert pipe.buffered == 10
    assert await pipe.read() == b"x" * 10
    assert await pipe.read() + await pipe.read() == b"x" * 15
    await writer


async def test_a_writer_learns_that_the_reader_has_gone() -> None:
    pipe = Pipe(10)
    writer = asyncio.create_task(pipe.write(b"x" * 25))
    await asyncio.sleep(0)
    pipe.break_()
    with pytest.raises(PipeBroken):
        await writer


async def test_a_reader_learns_that_the_writer_has_failed_after_what_is_there() -> None:
    pipe = Pipe(10)
    await pipe.write(b"some")
    pipe.fail()
    assert await pipe.read() == b"some"
    with pytest.raises(PipeBroken):
        await pipe.read()

"""The echo server against clients that are quick, slow, half-closed, silent, rude, or many."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator

import pytest

from tests.sdk.support import EXAMPLES, Host, Started, reset
from wapo.vm.ends import EndReason
from wapo.vm.limits import GuestLimits

ECHO = EXAMPLES / "echo.c"


@pytest.fixture
async def echo(host: Host) -> AsyncIterator[Started]:
    async with host.start(ECHO, "--address", "127.0.0.1", "--port", "0") as started:
        yield started


async def test_what_is_sent_comes_back(echo: Started) -> None:
    reader, writer = await echo.connect()
    data = os.urandom(3_000_000)
    writer.write(data)
    assert await reader.readexactly(len(data)) == data


async def test_a_client_that_has_said_everything_still_gets_everything(echo: Started) -> None:
    reader, writer = await echo.connect()
    writer.write(b"last words")
    writer.write_eof()
    assert await reader.read() == b"last words"


async def test_a_client_that_does_not_read_is_waited_for_and_nobody_else_is(echo: Started) -> None:
    """The slow one's data stops at its own pace: the kernel's buffers fill up, and the program holds one buffer more."""
    slow_reader, slow = await echo.connect()
    sent = 0

    async def fill() -> None:
        nonlocal sent
        while sent < 64 << 20:
            slow.write(bytes(1 << 20))
            sent += 1 << 20
            async with asyncio.timeout(0.5):
                await slow.drain()

    with pytest.raises(TimeoutError):
        await fill()
    reader, writer = await echo.connect()
    for number in range(50):
        writer.write(b"%d." % number)
        assert await reader.readuntil(b".") == b"%d." % number
    writer.close()
    received = 0
    while received < sent:
        received += len(await slow_reader.read(1 << 20))
    assert received == sent


async def test_a_silent_client_is_sent_away(host: Host) -> None:
    async with host.start(ECHO, "--port", "0", "--idle-ms", "150") as started:
        reader, writer = await started.connect()
        begin = time.monotonic()
        for _ in range(3):
            writer.write(b"x")
            assert await reader.readexactly(1) == b"x"
            await asyncio.sleep(0.05)  # not silent for long enough
        assert await reader.read() == b""
        assert time.monotonic() - begin >= 0.25


async def test_resets_end_their_own_connection_only(echo: Started) -> None:
    good_reader, good = await echo.connect()
    for number in range(20):
        _, writer = await echo.connect()
        if number % 2:
            writer.write(bytes(1 << 20))
        reset(writer)
    good.write(b"still here")
    assert await good_reader.readexactly(10) == b"still here"
    await echo.until(lambda: echo.connections == 1)
    good.close()
    await echo.until(lambda: echo.connections == 0)


async def test_two_hundred_clients_at_once(echo: Started) -> None:
    async def client(number: int) -> None:
        reader, writer = await echo.connect()
        for turn in range(10):
            data = b"%d/%d " % (number, turn) * 50
            writer.write(data)
            assert await reader.readexactly(len(data)) == data
        writer.write_eof()
        assert await reader.read() == b""
        writer.close()

    async with asyncio.timeout(60):
        await asyncio.gather(*(client(number) for number in range(200)))
    await echo.until(lambda: echo.connections == 0)


async def test_a_port_that_is_taken_is_an_error(host: Host) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        async with host.start(ECHO, "--address", "127.0.0.1", "--port", str(port)) as started:
            end = await started.end()
            assert (end.reason, end.code) == (EndReason.EXITED, 1)
            assert started.lines[-1] == f"cannot listen on 127.0.0.1:{port}: the connection failed"


async def test_when_there_is_no_room_for_another_client_the_program_goes_on(host: Host) -> None:
    """The table of resources is full: clients wait in the kernel, and are served when others have gone."""
    limits = GuestLimits(resources=6, burst_s=20, time_s=60)
    async with host.start(ECHO, "--port", "0", limits=limits) as started:
        connections = [await started.connect() for _ in range(4)]
        for reader, writer in connections:
            writer.write(b"a")
            assert await reader.readexactly(1) == b"a"
        # The table is full: whoever comes now may be closed, and finds a place when somebody has gone.
        for _, writer in connections:
            writer.close()
        async with asyncio.timeout(20):
            while True:
                reader, writer = await started.connect()
                writer.write(b"b")
                try:
                    answer = await reader.read(1)
                except ConnectionError:
                    answer = b""
                writer.close()
                if answer == b"b":
                    break

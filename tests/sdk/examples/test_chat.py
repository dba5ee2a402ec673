"""The chat: lines, names, slow and rude clients, and two hundred of them."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.sdk.support import EXAMPLES, Host, Started, reset

CHAT = EXAMPLES / "chat.c"


class Client:
    """Somebody in the room."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def join(cls, chat: Started) -> "Client":
        """Somebody who has been welcomed."""
        client = cls(*await chat.connect())
        await client.hears("* welcome")
        return client

    def says(self, text: str) -> None:
        self.writer.write(f"{text}\n".encode())

    async def hears(self, text: str) -> str:
        """The next line that begins so; others are passed over."""
        async with asyncio.timeout(30):
            while True:
                line = (await self.reader.readuntil(b"\n")).decode(errors="replace").rstrip("\n")
                if line.startswith(text):
                    return line

    async def next(self) -> str:
        return await self.hears("")


@pytest.fixture
async def chat(host: Host) -> AsyncIterator[Started]:
    async with host.start(CHAT, "--address", "127.0.0.1", "--port", "0", "--stall-ms", "60000") as started:
        yield started


async def test_what_one_says_all_others_hear(chat: Started) -> None:
    ann, bob, eve = [await Client.join(chat) for _ in range(3)]
    ann.says("/nick ann")
    for client in (ann, bob, eve):
        assert await client.hears("* guest1 is") == "* guest1 is now ann"
    ann.says("hello")
    bob.says("hi\r")
    assert await bob.next() == "<ann> hello"
    assert await ann.next() == "<guest2> hi"
    assert await eve.next() == "<ann> hello"
    assert await eve.next() == "<guest2> hi"
    ann.says("/who")
    assert {await ann.next() for _ in range(3)} == {"* ann", "* guest2", "* guest3"}
    bob.says("/quit")
    assert await eve.next() == "* guest2 has left"
    assert await bob.reader.read() == b""


@pytest.mark.parametrize("name", ["guest2", "", "two words", "<b>", "x" * 25])
async def test_a_name_that_will_not_do(chat: Started, name: str) -> None:
    ann, _ = await Client.join(chat), await Client.join(chat)
    ann.says(f"/nick {name}")
    assert await ann.hears("* that name") == "* that name will not do"


async def test_a_line_that_is_too_long_ends_its_client(chat: Started) -> None:
    ann, bob = await Client.join(chat), await Client.join(chat)
    bob.writer.write(b"x" * 5000)
    assert await ann.hears("* guest2 has") == "* guest2 has joined"
    assert await ann.next() == "* guest2 has left"


async def test_lines_come_whole_however_they_are_cut(chat: Started) -> None:
    ann, bob = await Client.join(chat), await Client.join(chat)
    for piece in (b"a", b"bc", b"\nde", b"f\n\n", b"g\nhij\nk"):
        bob.writer.write(piece)
        await bob.writer.drain()
        await asyncio.sleep(0)
    await ann.hears("* guest2 has joined")
    assert [await ann.next() for _ in range(4)] == ["<guest2> abc", "<guest2> def", "<guest2> g", "<guest2> hij"]


async def test_a_client_that_does_not_read_holds_up_nobody_and_is_sent_away(host: Host) -> None:
    """Its queue is short, its lines are lost, and when it has taken nothing for long enough it has to go."""
    async with host.start(CHAT, "--port", "0", "--stall-ms", "300") as started:
        sleeper = Client(*await started.connect(limit=1 << 10))
        await sleeper.hears("* welcome")  # and then it reads no more
        ann, bob = await Client.join(started), await Client.join(started)
        left = asyncio.create_task(bob.hears("* guest1 has left"))
        for _ in range(100_000):
            if left.done():
                break
            ann.says("x" * 1000)
            await ann.writer.drain()
            await asyncio.sleep(0)
        assert await left == "* guest1 has left"
        ann.says("over")
        await bob.hears("<guest2> over")


async def test_resets_and_half_closed_connections_leave_the_room(chat: Started) -> None:
    ann, bob, eve = [await Client.join(chat) for _ in range(3)]
    reset(bob.writer)
    assert await ann.hears("* guest2 has left")
    eve.writer.write(b"bye\n")
    eve.writer.write_eof()
    assert await ann.next() == "<guest3> bye"
    assert await ann.next() == "* guest3 has left"
    ann.says("/who")
    assert await ann.next() == "* guest1"


async def test_two_hundred_clients_hear_each_other(chat: Started) -> None:
    """Twenty of them say a line each, when the one before has been heard; all hear all others, in that order."""
    clients = [await Client.join(chat) for _ in range(200)]
    said = [(speaker, f"<guest{10 * number + 1}> line {number}") for number, speaker in enumerate(clients[::10])]

    async def listen(client: Client) -> list[str]:
        return [await client.hears("<") for speaker, _ in said if speaker is not client]

    async with asyncio.timeout(60):
        first, *others = [asyncio.create_task(listen(client)) for client in clients[1:]]
        for number, (speaker, _) in enumerate(said):
            speaker.says(f"line {number}")
            await clients[0].hears("<") if number else None
        assert await first == [line for _, line in said]
        for client, heard in zip(clients[2:], others, strict=True):
            assert await heard == [line for speaker, line in said if speaker is not client]
    for client in clients:
        client.writer.close()
    await chat.until(lambda: chat.connections == 0)

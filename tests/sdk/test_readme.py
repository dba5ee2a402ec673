"""The tour in guest/sdk/README.md: every program in it is built, run, and does what the text says."""

import asyncio
import re
from pathlib import Path

import pytest

from tests.sdk.support import SDK, Host, build
from wapo.vm.inputs import offer_query
from wapo.vm.resources.oneshot import Reply, Sent

README = (SDK / "README.md").read_text()
PROGRAMS = dict(re.findall(r"```c file=(\w+\.c)\n(.*?)```", README, re.S))


@pytest.fixture
def tour(tmp_path: Path) -> Path:
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_every_program_of_the_tour_has_a_test() -> None:
    tested = {name.removeprefix("test_the_program_") for name in globals() if name.startswith("test_the_program_")}
    assert {name.removesuffix(".c") for name in PROGRAMS} == tested


async def test_the_program_hello(host: Host, tour: Path) -> None:
    async with host.start(tour / "hello.c") as started:
        await started.succeeds()
        assert started.lines == [f"hello, number {number}" for number in (1, 2, 3)]


async def test_the_program_client(host: Host, tour: Path) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"you said " + (await reader.readline()).strip())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with host.start(tour / "client.c", "--port", str(port)) as started:
            await started.succeeds()
            assert started.lines == ["the answer: you said hello"]
    async with host.start(tour / "client.c", "--port", str(port)) as started:
        await started.succeeds()
        assert started.lines == ["no answer: the connection failed"]


async def test_the_program_server(host: Host, tour: Path) -> None:
    async with host.start(tour / "server.c") as started:
        clients = [await started.connect() for _ in range(3)]
        for number, (_, writer) in enumerate(clients):
            writer.write(b"client %d" % number)
        for number, (reader, _) in enumerate(clients):
            assert await reader.readexactly(8) == b"client %d" % number


async def test_the_program_events(host: Host, tour: Path) -> None:
    async with host.start(tour / "events.c") as started:
        await started.succeeds()
        assert started.lines == ["an apple is eaten"] * 3


async def test_the_program_queries(host: Host, tour: Path) -> None:
    async with host.start(tour / "queries.c") as started:
        await started.until(lambda: started.guest.settled)
        replies: list[Reply] = []
        for path in ("/a/path", "x" * 500):
            offer_query(started.guest, None, path, b"12345", replies.append)
        await started.until(lambda: len(replies) == 2)
        assert replies == [Sent(b"/a/path has 5 bytes"), Sent(b"x" * 80 + b" has 5 bytes")]


def test_the_command_on_the_page_is_the_scripts() -> None:
    """But for what only makes the program smaller, and the stack, which is the compiler's own without it."""
    (text,) = re.findall(r"    python -m ziglang cc (.*?)\n\n", README, re.S)
    written = text.replace("\\\n", " ").split()
    made = build.command([Path("hello.c")], Path("hello.wasm"))
    flags = [word for word in made[4:] if word.startswith("-") and not word.startswith("-Wl,")]
    assert sorted(flags) == sorted(word for word in written if word.startswith("-"))

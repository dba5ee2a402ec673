"""Images that several processes share. Here two stores in one process, with the shelf that a supervisor keeps."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from tests.agents.support import LIMITS, Workshop, open_workshop
from wapo.agents.image import AgentImage, ImageKind
from wapo.agents.images import ImageStore
from wapo.agents.profile import JavaScriptProfile
from wapo.engine.image import MemoryImage
from wapo.processes.shelf import ImageShelf

HELLO = "console.log('loaded'); let n = 0; export default { fetch: () => new Response('hello ' + n++) };"


class Worker:
    """What a worker sees of the others (``wapo.processes.member``), without sockets between."""

    def __init__(self, shelf: ImageShelf) -> None:
        self.shelf = shelf
        self.asked: list[str] = []

    async def want_image(self, key: str) -> tuple[bytes, int] | None:
        self.asked.append(key.rsplit("/", 1)[1])
        answer: asyncio.Future[tuple[bytes, int] | None] = asyncio.get_running_loop().create_future()

        def given(about: bytes | None, descriptor: int) -> None:
            answer.set_result(None if about is None else (about, os.dup(descriptor)))

        self.shelf.want(self, key, given)
        return await answer

    def share_image(self, key: str, descriptor: int, size: int, about: bytes) -> None:
        self.shelf.put(key, os.dup(descriptor), size, about)

    def give_image_up(self, key: str) -> None:
        self.shelf.give_up(self, key)


@pytest.fixture
async def pair(profile: JavaScriptProfile) -> AsyncIterator[tuple[Workshop, Workshop]]:
    shelf = ImageShelf(1 << 30)
    async with open_workshop(profile) as one, open_workshop(profile) as two:
        for workshop in (one, two):
            workshop.images = ImageStore(profile, workshop.scheduler, 1 << 30, others=Worker(shelf))
        yield one, two
        await one.images.aclose()
        await two.images.aclose()
    shelf.close()


def inode(image: AgentImage) -> int:
    assert image.memory is not None
    return os.fstat(image.memory.descriptor).st_ino


async def test_one_makes_it_and_both_have_the_same_memory(pair: tuple[Workshop, Workshop]) -> None:
    one, two = pair
    mine, theirs = await asyncio.gather(one.image(HELLO), two.image(HELLO))
    assert inode(mine) == inode(theirs)
    assert mine.kind is theirs.kind is ImageKind.INITIALISED
    assert (mine.convention, mine.reason, mine.stored_bytes) == (theirs.convention, theirs.reason, theirs.stored_bytes)
    # What the top level has logged is told once.
    assert sorted([len(mine.log), len(theirs.log)]) == [0, 1]
    assert (await one.images.base()).descriptor != (await two.images.base()).descriptor


async def test_nothing_of_a_run_is_seen_on_the_other_side(pair: tuple[Workshop, Workshop]) -> None:
    for workshop in pair * 2:
        assert (await workshop.ask(HELLO)).body == b"hello 0"


async def test_it_outlives_the_store_that_has_made_it(pair: tuple[Workshop, Workshop]) -> None:
    one, two = pair
    await one.image(HELLO)
    await one.images.aclose()
    assert (await two.ask(HELLO)).body == b"hello 0"


async def test_a_broken_program_is_broken_for_both(pair: tuple[Workshop, Workshop]) -> None:
    one, two = await asyncio.gather(*(workshop.image("let let = 1;") for workshop in pair))
    assert one.kind is two.kind is ImageKind.BROKEN
    assert one.error == two.error


async def test_who_waits_makes_it_when_the_maker_gives_up(pair: tuple[Workshop, Workshop]) -> None:
    one, two = pair

    def failing() -> bytes:
        raise RuntimeError("the disk is gone")

    async def mine() -> None:
        with pytest.raises(RuntimeError):
            await one.images.make("key", failing, LIMITS, "key")

    async def theirs() -> AgentImage:
        return await two.images.make("key", HELLO.encode, LIMITS, "key")

    _, image = await asyncio.gather(mine(), theirs())
    assert image.kind is ImageKind.INITIALISED


async def test_a_file_that_somebody_could_change_is_no_image(pair: tuple[Workshop, Workshop]) -> None:
    one, _ = pair
    forged = os.memfd_create("forged", os.MFD_ALLOW_SEALING)
    with pytest.raises(ValueError, match="could change"):
        MemoryImage.sealed(forged, 0)
    shared = one.images._shared
    shared._others.share_image(shared._name("key"), forged, 0, b"\x91\x00")  # type: ignore[union-attr]
    assert (await one.image(HELLO, key="key")).kind is ImageKind.INITIALISED
    os.close(forged)

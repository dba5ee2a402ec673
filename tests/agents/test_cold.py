"""Images that nobody uses cost disk only, and are the same again when somebody does."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agents.support import LIMITS, Workshop, open_workshop
from wapo.agents.cold import ColdImages
from wapo.agents.image import AgentImage, ImageKind
from wapo.agents.profile import JavaScriptProfile
from wapo.engine.difference import Difference

#: Its top level has run once, for all requests; each of which counts from there.
COUNTER = """
const table = new Map(Array.from({ length: 1000 }, (_, i) => [`key ${i}`, { i }]));
let count = 0;
export default { async fetch(request) {
  await request.text();
  return Response.json([table.get('key 999').i, ++count, typeof structuredClone]);
} };
"""
ANSWER = b'[999,1,"function"]'


@pytest.fixture
async def workshop(profile: JavaScriptProfile, tmp_path: Path) -> AsyncIterator[Workshop]:
    """One that keeps cold images."""
    async with open_workshop(profile, cold=ColdImages(tmp_path)) as opened:
        yield opened


async def look(workshop: Workshop, times: int = 4) -> None:
    """As the store looks for what is idle, every few seconds."""
    for _ in range(times):
        await workshop.images.look()


async def freeze(workshop: Workshop) -> None:
    """Until all images are cold."""
    await look(workshop)
    while workshop.images._cooler is not None:
        await asyncio.sleep(0)
    assert len(workshop.images) == 0


async def test_a_cold_image_is_the_same_again(workshop: Workshop) -> None:
    """Warm or hot, again and again; it takes next to no memory meanwhile, and is not made a second time."""
    image = await workshop.image(COUNTER)
    assert image.memory is not None
    assert (await workshop.ask(image)).body == ANSWER
    original = os.pread(image.memory._descriptor, image.size, 0)
    for _ in range(2):
        await freeze(workshop)
        assert (image.memory, image.difference, image.stored_bytes) == (None, None, 0)
        assert (workshop.images.cold, workshop.images.stored_bytes) == (1, 0)
        assert await workshop.image(COUNTER) is image
        assert image.memory is None
        assert 0 < image.stored_bytes == workshop.images.stored_bytes < 1 << 20
        for _ in range(2):
            assert (await workshop.ask(image)).body == ANSWER
        while image.memory is None:  # asked for again and again
            await workshop.image(COUNTER)
            await asyncio.sleep(0)
        assert os.pread(image.memory._descriptor, image.size, 0) == original
        assert workshop.images.stored_bytes == image.stored_bytes
        for _ in range(2):
            assert (await workshop.ask(image)).body == ANSWER
    assert image.kind is ImageKind.INITIALISED


async def test_a_small_program_takes_little_disk(workshop: Workshop) -> None:
    """The platform is the base image's; what loading changes in it is little, too."""
    await workshop.image("export default { fetch: () => new Response('ok') };")
    await freeze(workshop)
    assert workshop.images.cold_bytes < 100_000


async def test_who_runs_goes_on_when_the_image_gets_cold(workshop: Workshop) -> None:
    image = await workshop.image(
        "export default { async fetch() { await new Promise((r) => setTimeout(r, 50)); return new Response('ok'); } };"
    )
    run = workshop.start(image)
    await freeze(workshop)
    thawed = await workshop.image(
        "export default { async fetch() { await new Promise((r) => setTimeout(r, 50)); return new Response('ok'); } };"
    )
    warm = workshop.start(thawed)
    await freeze(workshop)
    assert (await run.answer()).body == (await warm.answer()).body == b"ok"


async def test_what_the_disk_has_changed_is_made_anew(workshop: Workshop) -> None:
    image = await workshop.image(COUNTER)
    await freeze(workshop)
    assert workshop.images._cold is not None
    file = workshop.images._cold._file.fileno()
    os.pwrite(file, bytes([os.pread(file, 1, 5000)[0] ^ 1]), 5000)
    again = await workshop.image(COUNTER)
    assert again is not image
    assert again.memory is not None
    assert (await workshop.ask(again)).body == ANSWER
    await freeze(workshop)
    assert await workshop.image(COUNTER) is again


async def test_the_least_used_get_cold_when_memory_is_short(profile: JavaScriptProfile, tmp_path: Path) -> None:
    async with open_workshop(profile) as measuring:
        one = (await measuring.image("1;")).stored_bytes
    async with open_workshop(profile, max_bytes=int(2.5 * one), cold=ColdImages(tmp_path)) as workshop:
        images: list[AgentImage] = []
        for number in range(5):
            images.append(
                await workshop.image(f"export default {{ fetch: () => new Response('{number}') }};", key=str(number))
            )
            await asyncio.sleep(0)
        while workshop.images.stored_bytes > 2.5 * one:
            await asyncio.sleep(0)
        assert [image.memory is not None for image in images] == [False, False, False, True, True]
        for number, image in enumerate(images):
            assert await workshop.image("", key=str(number)) is image
            assert (await workshop.ask(image)).body == b"%d" % number


async def test_disk_is_bounded_too(profile: JavaScriptProfile, tmp_path: Path) -> None:
    """The oldest cold images are forgotten, and their place is free."""
    async with open_workshop(profile, cold=ColdImages(tmp_path)) as measuring:
        await measuring.image("export default { fetch: () => new Response('0') };")
        await freeze(measuring)
        room = int(measuring.images.cold_bytes * 3.5)
    async with open_workshop(profile, cold=ColdImages(tmp_path), max_cold_bytes=room) as workshop:
        for number in range(6):
            await workshop.image(f"export default {{ fetch: () => new Response('{number}') }};", key=str(number))
        await freeze(workshop)
        cold = workshop.images._cold
        assert cold is not None
        assert 0 < len(cold) == workshop.images.cold < 6
        assert workshop.images.cold_bytes <= room
        assert os.fstat(cold._file.fileno()).st_blocks * 512 <= room
        assert (await workshop.ask("export default { fetch: () => new Response('new') };")).body == b"new"


async def test_a_full_disk_costs_the_image_only(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    image = await workshop.image(COUNTER)

    async def full(self: ColdImages, key: str, difference: Difference) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ColdImages, "put", full)
    await freeze(workshop)
    assert image.closed
    assert workshop.images.cold == 0
    assert (await workshop.ask(COUNTER)).body == ANSWER


async def test_who_is_used_stays_hot(workshop: Workshop) -> None:
    image = await workshop.image(COUNTER, key="used")
    idle = await workshop.image("1;", key="idle")
    for _ in range(5):
        await look(workshop, 1)
        workshop.images.get("used", LIMITS.memory_bytes)
    while workshop.images._cooler is not None:
        await asyncio.sleep(0)
    assert image.memory is not None
    assert idle.memory is None


async def test_a_broken_program_stays_broken(workshop: Workshop) -> None:
    image = await workshop.image("export default {", key="broken")
    await look(workshop)
    while workshop.images._cooler is not None:
        await asyncio.sleep(0)
    assert image.kind is ImageKind.BROKEN
    assert (await workshop.image("export default {", key="broken")).kind is ImageKind.BROKEN

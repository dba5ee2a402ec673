"""What requests write of the platform's memory lies together (guest/wapojs/c/layout.h)."""

import asyncio
from pathlib import Path

import pytest

from tests.agents.support import LIMITS, Workshop

PAGE = 4096
SAMPLES = Path(__file__).parent.parent.parent / "guest" / "samples"
STALE = "the list of blocks that requests write is not of this guest: run python guest/train.py"


async def written_pages(workshop: Workshop, source: str, **request: object) -> int:
    """How many pages of its memory a machine has written that has served one request; holes of a page or two count."""
    image = await workshop.image(source)
    over = asyncio.Event()
    run = workshop.start(image, on_end=lambda _end, _guest: over.set(), **request)  # type: ignore[arg-type]
    assert (await run.answer()).status == 200
    await over.wait()
    pool = image.pool(workshop.profile.serving, LIMITS.store)
    assert len(pool) == 1
    machine = pool.take()
    try:
        if machine.own_pages is None:
            pytest.skip("this kernel does not tell which pages were written")
        return sum(end - start for start, end in machine.own_pages) // PAGE
    finally:
        pool.give_back(machine, clean=False)


@pytest.mark.parametrize(
    ("name", "request_", "most"),
    [
        ("text", {}, 20),
        ("hello", {"path": "/?name=x"}, 22),
        ("main", {"path": "/?name=x"}, 28),
        ("json", {"method": "POST", "body": b'{"a": [1, 2]}'}, 22),
        ("router", {"path": "/users/1"}, 46),
    ],
)
async def test_a_request_writes_few_pages(
    workshop: Workshop, name: str, request_: dict[str, object], most: int
) -> None:
    """Each is copied when it is first written and when the machine is reset: without the list a hello wrote 73, with the
    engine's own allocator 124."""
    pages = await written_pages(workshop, (SAMPLES / f"{name}.js").read_text(), **request_)
    assert pages <= most, f"{pages} pages: {STALE}"

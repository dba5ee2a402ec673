"""Every guest of ``guests/`` against a node in a process of its own, beside an agent that is asked all the time.

How long each took, and how much the neighbour noticed, is measured by ``python -m tests.hostile --measure``: here other
processes may be in the way, so times have room.
"""

import asyncio
from collections.abc import Iterator

import pytest

from tests.hostile.arena import Arena, open_arena
from tests.hostile.guest_files import GUESTS, LIMITS, Guest

#: Beyond a guest's limit, on a machine that has other things to do, too.
ROOM_S = 8.0

#: What the neighbour's own machines may take meanwhile.
SLACK_BYTES = 16 << 20

#: Files that may be open afterwards, beside sockets: its image, and machines that wait for the next request.
OTHERS = 24


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    """A loop for all of them: the node starts once."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def arena(loop: asyncio.Runner) -> Iterator[Arena]:
    """The node with its neighbour."""

    made = open_arena()
    yield loop.run(made.__aenter__())
    loop.run(made.__aexit__(None, None, None))


@pytest.mark.parametrize("guest", GUESTS, ids=lambda guest: guest.name)
def test_a_guest_is_held(loop: asyncio.Runner, arena: Arena, guest: Guest) -> None:
    """Promise: the one in the guest's head; and that nobody else notices."""
    outcome = loop.run(arena.attack(guest))
    assert outcome.alive, (arena.folder / "stderr").read_text()[-4000:]
    for answer in outcome.answers:
        assert guest.is_end(answer.status, answer.error, cut=answer.cut), (answer, outcome.log)
        assert guest.answer is None or answer.text == guest.answer
    assert guest.log is None or guest.log in "\n".join(outcome.log)
    assert outcome.seconds < (LIMITS[guest.limit].seconds or 2.0) + ROOM_S
    assert outcome.memory_bytes <= guest.memory_bytes * 1.1 + SLACK_BYTES
    assert outcome.wrong == []
    assert outcome.machines == 0
    sockets, others = outcome.descriptors
    assert sockets <= 0
    assert others <= OTHERS
    assert guest.canary is None or outcome.visits == 0


def test_there_are_enough_of_them() -> None:
    assert len(GUESTS) >= 60
    assert sum(guest.is_app for guest in GUESTS) >= 20
    assert len({guest.attack for guest in GUESTS}) >= 12

"""The ready list (docs/abi.md, 1008): the host writes ready tasks into the guest's memory before each poll."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.vm.puppet import BUFFER, Puppet, err
from wapo.engine.engine import Engine
from wapo.vm.tasks import TaskQueue

LIST = BUFFER + 4096
END_OF_MEMORY = 64 << 16


def tasks_of(puppet: Puppet) -> list[int]:
    """What the list says."""
    (count,) = struct.unpack("<I", puppet.get(4, LIST))
    return list(struct.unpack(f"<{count}i", puppet.get(4 * count, LIST + 4)))


async def test_ready_tasks_are_there_when_a_poll_begins(engine: Engine) -> None:
    async with Puppet(engine, drain=False) as puppet:
        assert await puppet.replay([(1008, LIST, 8), (109, 3), (109, -4 & 0xFFFFFFFF), (109, 3)]) == [0, 0, 0, 0]
        await puppet.until(lambda: tasks_of(puppet) == [3, -4])
        assert await puppet.call(110) == err(7)
        assert tasks_of(puppet) == []


async def test_a_timer_wakes_its_task_and_leaves_no_messages(engine: Engine) -> None:
    """Nor do calls that end at once: a guest with a list is polled for its tasks only."""
    async with Puppet(engine, drain=False) as puppet:
        await puppet.replay([(1008, LIST, 8)])
        assert await puppet.replay([(201, 1), (103, 7, 0, BUFFER, 0), (103, 7, 99, BUFFER, 0)], task=5) == [
            0, err(11), err(7),
        ]  # fmt: skip
        await puppet.until(lambda: tasks_of(puppet) == [5])
        polls = puppet.guest.meter.polls
        assert await puppet.replay([(103, 7, 0, BUFFER, 0), (112,)], task=5) == [0, 1]  # an empty vector
        assert puppet.guest.meter.polls == polls + 1
        assert not puppet.guest.tasks.pending


async def test_what_the_list_cannot_hold_comes_with_the_next_poll(engine: Engine) -> None:
    async with Puppet(engine, drain=False) as puppet:
        await puppet.replay([(1008, LIST, 2), *((109, task) for task in range(1, 6))])
        await puppet.until(lambda: not puppet.guest.tasks.pending)
        assert tasks_of(puppet) == [5]


async def test_the_queues_are_empty_when_the_list_is_made(engine: Engine) -> None:
    async with Puppet(engine, drain=False) as puppet:
        words = await puppet.replay([(109, 1), (103, 2, 99, BUFFER, 0), (1008, LIST, 4), (110,), (112,)])
        assert words == [0, err(7), 0, err(7), 1]


@pytest.mark.parametrize(
    ("pointer", "room"),
    [(LIST, 0), (LIST, 8193), (LIST, 0xFFFFFFFF), (END_OF_MEMORY - 8, 2), (0xFFFFFFFF, 1), (END_OF_MEMORY, 1)],
)
async def test_a_list_that_cannot_be_is_refused(engine: Engine, pointer: int, room: int) -> None:
    async with Puppet(engine) as puppet:
        assert await puppet.call(1008, pointer, room) == err(3)
        assert puppet.guest.tasks.list_room == 0


async def test_a_list_at_the_end_of_the_memory_is_filled_to_its_end(engine: Engine) -> None:
    async with Puppet(engine, drain=False) as puppet:
        await puppet.replay([(1008, END_OF_MEMORY - 8, 1), (109, 0x7FFFFFFF)])
        expected = struct.pack("<Ii", 1, 0x7FFFFFFF)
        await puppet.until(lambda: puppet.get(8, END_OF_MEMORY - 8) == expected)


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=40), st.integers(1, 8))
def test_tasks_come_in_order_and_none_is_lost(tasks: list[int], room: int) -> None:
    """Whatever the room, filling lists again and again gives what was pushed."""

    class Memory:
        def write(self, pointer: int, data: bytes) -> None:
            (count,) = struct.unpack_from("<I", data)
            assert len(data) == 4 + 4 * count <= 4 + 4 * room
            delivered.extend(struct.unpack_from(f"<{count}i", data, 4))

    delivered: list[int] = []
    queue, expected = TaskQueue(lambda: None), TaskQueue(lambda: None)
    expected.ready.clear()
    queue.use_list(0, room)
    for task in tasks:
        queue.push(task)
        expected.push(task)
    while queue.pending:
        queue.fill_list(Memory())  # type: ignore[arg-type]
    assert delivered == list(expected.ready)

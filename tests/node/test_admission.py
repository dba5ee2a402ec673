"""Who may start a machine: counted in all and by program, and given back."""

import asyncio

import pytest

from wapo.node.admission import MAPPINGS_PER_MACHINE, Admission, NodeFull, TooManyRequests, machines_possible


def test_a_full_node_says_so_and_has_room_again_when_one_leaves() -> None:
    admission = Admission(2)
    admission.enter("a", None)
    admission.enter("b", None)
    with pytest.raises(NodeFull, match="this node runs 2 machines, which is all it can; try again shortly"):
        admission.enter("c", None)
    admission.leave("a")
    admission.enter("c", None)
    assert admission.machines == 2


def test_a_program_has_its_share_and_others_have_theirs() -> None:
    admission = Admission(10)
    admission.enter("a", 1)
    with pytest.raises(TooManyRequests, match="this program has 1 requests under way, which is its limit"):
        admission.enter("a", 1)
    admission.enter("b", 1)
    admission.leave("a")
    admission.enter("a", 1)


def test_who_is_refused_takes_no_place() -> None:
    admission = Admission(1)
    admission.enter("a", 1)
    for _ in range(3):
        with pytest.raises((NodeFull, TooManyRequests)):
            admission.enter("a", 1)
    admission.leave("a")
    assert admission.machines == 0
    admission.enter("a", 1)


def test_a_place_is_given_back_however_the_block_ends() -> None:
    admission = Admission(1)
    with pytest.raises(ZeroDivisionError), admission.place("a", None):
        raise ZeroDivisionError
    with admission.place("a", 1):
        assert admission.machines == 1
    assert admission.machines == 0


def test_programs_that_have_left_are_forgotten() -> None:
    """A node that has served a million programs holds the names of those under way."""
    admission = Admission(5)
    for number in range(100):
        with admission.place(f"program {number}", None):
            pass
    assert not admission._by_program


async def test_one_can_wait_until_all_have_left() -> None:
    admission = Admission(5)
    await admission.until_empty()
    for program in "ab":
        admission.enter(program, None)
    waiting = asyncio.create_task(admission.until_empty())
    await asyncio.sleep(0)
    admission.leave("a")
    await asyncio.sleep(0)
    assert not waiting.done()
    admission.leave("b")
    await waiting


def test_nobody_may_start_more_than_the_kernel_allows() -> None:
    """The kernel refuses the next mapping at a bad moment, so the node is full long before."""
    possible = machines_possible()
    assert 1 <= possible < 2**31
    assert Admission().max_machines == possible
    assert Admission(possible + 1).max_machines == possible
    assert Admission(1).max_machines == 1
    with open("/proc/sys/vm/max_map_count") as file:
        assert possible * MAPPINGS_PER_MACHINE < int(file.read())

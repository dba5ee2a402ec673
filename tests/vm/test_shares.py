"""What there is only so much of: nobody gets more than is left for the others."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.vm.shares import FairShare


def take_all(share: FairShare, owner: str) -> int:
    count = 0
    while share.take(owner):
        count += 1
    return count


def test_one_owner_gets_a_half_and_the_next_a_half_of_the_rest() -> None:
    share = FairShare(32)
    assert take_all(share, "a") == 16
    assert take_all(share, "b") == 8
    assert take_all(share, "c") == 4


def test_owners_who_take_in_turn_get_the_same() -> None:
    share = FairShare(40)
    for _ in range(40):
        for owner in "abc":
            share.take(owner)
    assert [share.held(owner) for owner in "abc"] == [10, 10, 10]


def test_what_is_given_back_can_be_taken() -> None:
    share = FairShare(2)
    assert share.take("a")
    assert not share.take("a")
    share.give_back("a")
    assert share.take("a")
    assert FairShare(1).take("a")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.integers(1, 5))), st.integers(1, 40))
def test_no_owner_ever_holds_more_than_was_left(steps: list[tuple[str, bool, int]], total: int) -> None:
    share = FairShare(total)
    held: dict[str, list[int]] = {"a": [], "b": [], "c": []}
    for owner, takes, amount in steps:
        if takes:
            free = total - share.taken
            if share.take(owner, amount):
                held[owner].append(amount)
                assert sum(held[owner]) <= free
        elif held[owner]:
            share.give_back(owner, held[owner].pop())
        assert share.taken == sum(map(sum, held.values())) <= total
        assert all(share.held(name) == sum(pieces) for name, pieces in held.items())


async def test_who_waits_gets_the_next_place_in_turn() -> None:
    share = FairShare(2)
    order: list[str] = []
    leave = asyncio.Event()

    async def visit(owner: str, name: str) -> None:
        async with share.place(owner):
            order.append(name)
            await leave.wait()

    tasks = [asyncio.create_task(visit(owner, f"{owner}{n}")) for n in range(3) for owner in "ab"]
    await asyncio.sleep(0)
    assert order == ["a0", "b0"]
    leave.set()
    await asyncio.gather(*tasks)
    assert order == ["a0", "b0", "a1", "b1", "a2", "b2"]
    assert share.taken == 0


@pytest.mark.parametrize("given_first", [False, True])
async def test_who_is_cancelled_while_waiting_holds_nothing(given_first: bool) -> None:
    """Also when its place was given to it at the very moment."""
    share = FairShare(1)
    assert share.take("a")

    async def visit() -> None:
        async with share.place("b"):
            raise AssertionError("nobody is to get here")

    task = asyncio.create_task(visit())
    await asyncio.sleep(0)
    if given_first:
        share.give_back("a")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    if not given_first:
        share.give_back("a")
    assert share.taken == 0
    assert share.take("c")

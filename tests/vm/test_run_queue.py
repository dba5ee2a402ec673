"""The queue in which guests wait for their turn."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from wapo.vm.run_queue import RunQueue


@dataclass(eq=False)
class Waiting:
    """What the queue looks at of a guest."""

    owner: str
    in_poll: bool = False
    ended: object | None = None


def take(queue: RunQueue, used_s: float = 0.001) -> Waiting | None:
    owner, guest = queue.take()
    queue.took(owner, used_s)
    return guest  # type: ignore[return-value]


def test_an_owner_with_many_guests_waits_like_one_with_one() -> None:
    queue = RunQueue()
    for owner in ("many", "many", "many", "single"):
        queue.add(Waiting(owner))  # type: ignore[arg-type]
    assert [guest.owner for guest in (take(queue), take(queue)) if guest] == ["many", "single"]


def test_who_has_been_idle_goes_first_but_has_saved_nothing() -> None:
    queue = RunQueue()
    for _ in range(5):
        queue.add(Waiting("busy"))  # type: ignore[arg-type]
    for _ in range(3):
        take(queue)
    for _ in range(5):
        queue.add(Waiting("new"))  # type: ignore[arg-type]
    order = [guest.owner for guest in (take(queue) for _ in range(4)) if guest]
    assert order == ["new", "busy", "new", "busy"]


def test_what_was_used_before_counts() -> None:
    queue = RunQueue()
    queue.add(Waiting("spent"), 0.5)  # type: ignore[arg-type]
    queue.add(Waiting("fresh"))  # type: ignore[arg-type]
    assert getattr(take(queue), "owner", None) == "fresh"


def test_guests_that_begin_alternate_with_those_in_the_middle() -> None:
    queue = RunQueue()
    for in_poll in (False, False, True, True):
        queue.add(Waiting("one", in_poll))  # type: ignore[arg-type]
    assert [guest.in_poll for guest in (take(queue) for _ in range(4)) if guest] == [False, True, False, True]


def test_guests_that_have_ended_are_passed_over() -> None:
    queue = RunQueue()
    gone, here = Waiting("one", ended=True), Waiting("one")
    queue.add(gone)  # type: ignore[arg-type]
    queue.add(here)  # type: ignore[arg-type]
    assert take(queue) is here
    queue.add(gone)  # type: ignore[arg-type]
    assert take(queue) is None
    assert not queue


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=40))
def test_everybody_comes_out_once(guests: list[tuple[str, bool]]) -> None:
    queue = RunQueue()
    put = [Waiting(owner, in_poll) for owner, in_poll in guests]
    for guest in put:
        queue.add(guest)  # type: ignore[arg-type]
    out = []
    while queue:
        out.append(take(queue))
    assert sorted(map(id, out)) == sorted(map(id, put))

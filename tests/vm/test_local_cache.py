"""The predecessor's cache (wapo-abi.md 11.3), against a model that keeps everything and counts anew each time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.vm import local_cache
from wapo.vm.local_cache import LocalCache

WEEK = 7 * 86400
KEYS = st.sampled_from([b"", b"a", b"bb", b"ccc"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), KEYS, st.integers(0, 12)),
        st.tuples(st.just("lifetime"), KEYS, st.sampled_from([0, 1, 50, 2**64 - 1])),
        st.tuples(st.just("get"), KEYS, st.just(0)),
        st.tuples(st.just("remove"), KEYS, st.just(0)),
        st.tuples(st.just("wait"), KEYS, st.sampled_from([0, 1, 49, 51, WEEK - 1, WEEK])),
    ),
    max_size=40,
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(STEPS)
def test_it_does_what_the_model_does(steps: list[tuple[str, bytes, int]]) -> None:
    """Values by key for a time, and never more than the quota of those whose time is not over."""
    clock = Clock()
    cache = LocalCache(20, clock)
    model: dict[bytes, tuple[bytes, float]] = {}
    for what, key, number in steps:
        model = {k: entry for k, entry in model.items() if entry[1] > clock.now}
        if what == "set":
            others = sum(len(k) + len(value) for k, (value, _) in model.items() if k != key)
            fits = others + len(key) + number <= 20
            assert cache.set(key, bytes(number)) == fits
            if fits:
                model[key] = bytes(number), clock.now + WEEK
        elif what == "lifetime":
            cache.set_lifetime(key, number)
            if number == 0:
                model.pop(key, None)
            elif key in model:
                model[key] = model[key][0], clock.now + number
        elif what == "get":
            assert cache.get(key) == model.get(key, (None,))[0]
        elif what == "remove":
            removed, expected = cache.remove(key), model.pop(key, (None,))[0]
            assert removed == expected or expected is None
        else:
            clock.now += number


def test_the_number_of_entries_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty ones, too; those that are there can still be replaced, and one that is over makes room."""
    monkeypatch.setattr(local_cache, "_MAX_ENTRIES", 3)
    clock = Clock()
    cache = LocalCache(100, clock)
    assert [cache.set(key, b"") for key in (b"a", b"b", b"c", b"d")] == [True, True, True, False]
    assert cache.set(b"b", b"new")
    assert cache.get(b"b") == b"new"
    cache.set_lifetime(b"a", 5)
    clock.now += 5
    assert cache.set(b"d", b"")


def test_an_entry_whose_time_is_over_does_not_come_back() -> None:
    clock = Clock()
    cache = LocalCache(100, clock)
    cache.set(b"a", b"1")
    clock.now += WEEK
    cache.set_lifetime(b"a", 100)
    assert cache.get(b"a") is None


def test_a_quota_of_zero_refuses_everything_but_nothing() -> None:
    cache = LocalCache(0)
    assert not cache.set(b"a", b"")
    assert not cache.set(b"", b"1")

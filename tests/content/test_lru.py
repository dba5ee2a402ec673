"""A cache bounded in bytes."""

from hypothesis import given
from hypothesis import strategies as st

from wapo.content.lru import ByteLru


def test_the_least_recently_used_goes_first() -> None:
    """Looking is using."""
    cache: ByteLru[str, int] = ByteLru(10)
    cache.put("a", 1, 4)
    cache.put("b", 2, 4)
    assert cache.get("a") == 1
    cache.put("c", 3, 4)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)
    assert cache.used_bytes == 8


def test_what_is_too_large_is_not_kept_and_costs_nobody_else() -> None:
    """One program must not empty the cache for nothing."""
    cache: ByteLru[str, int] = ByteLru(10)
    cache.put("a", 1, 4)
    cache.put("huge", 2, 11)
    assert (cache.get("a"), cache.get("huge")) == (1, None)
    cache.put("a", 3, 11)
    assert cache.get("a") is None
    assert cache.used_bytes == 0


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 12), st.booleans()), max_size=40))
def test_it_never_holds_more_than_it_may(steps: list[tuple[str, int, bool]]) -> None:
    """And knows how much it holds."""
    cache: ByteLru[str, int] = ByteLru(10)
    costs: dict[str, int] = {}
    for key, cost, put in steps:
        if put:
            cache.put(key, cost, cost)
            costs[key] = cost
        else:
            cache.drop(key)
        held = [kept for kept in "abcde" if cache.get(kept) is not None]
        assert cache.used_bytes == sum(costs[kept] for kept in held) <= 10
        assert len(cache) == len(held)

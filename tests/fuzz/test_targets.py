"""Short runs of every target, and what longer ones have found. ``run.py`` does long runs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.fuzz.run import TARGETS, fuzz, replay
from tests.fuzz.target import Check, Target

#: Enough to reach each branch of a check, and little enough for every run of the suite.
_CASES = {
    "http": 250,
    "listeners": 150,
    "gateway": 150,
    "websocket": 80,
    "backup": 40,
    "wasi": 150,
    "graph": 150,
    "oblivious": 150,
    "encrypted": 150,
}

FOUND: dict[str, tuple[str, bytes]] = {
    "blocks in a format that is none": (
        "gateway", b"GET /ipfs/%cid%?format=ca\nAccept: application/vnd.ipld.car",
    ),
    "a user in an absolute target": ("http", b"GET http://b@ipfs/a HTTP/1.1\r\nHost: a\r\n\r\n"),
    "no version": ("http", b"GET /ipfs/a?bHTTP/1.1\r\nHost: a\r\n\r\n"),
    "a chunk's size with many zeroes": (
        "http", b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n00000000000000000000\r\n\r\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TARGETS)
async def test_nothing_is_found(name: str) -> None:
    tried, case = await fuzz(name, 30, seed=1, most=_CASES.get(name, 1000))
    assert case is None
    assert tried


@pytest.mark.parametrize("name", FOUND)
async def test_found(name: str) -> None:
    target, case = FOUND[name]
    assert await replay(target, case)


async def test_a_run_is_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """And stops at what it finds."""
    seen: list[list[bytes]] = []

    @asynccontextmanager
    async def opened(_folder: Path) -> AsyncIterator[Check]:
        seen.append([])

        async def check(case: bytes) -> None:
            seen[-1].append(case)
            assert b"\xff" not in case

        yield check

    monkeypatch.setitem(TARGETS, "own", Target([b"seed", b"more"], opened, (b"token",)))
    first, second = await fuzz("own", 30, seed=5), await fuzz("own", 30, seed=5)
    assert first == second
    assert first[1] == seen[0][-1]
    assert seen[0] == seen[1]

"""Generations of a node's identity."""

import asyncio

import pytest

from tests.gateway.support import until
from wapo.node import identities as module
from wapo.node.identities import Identities, TooManyGenerations, rotate
from wapo.store.database import Database
from wapo.trust.identity import NodeIdentity
from wapo.trust.keys import NodeKeys
from wapo.trust.receipts import read_jwks

KEYS = NodeKeys(bytes(range(32)))


async def opened(database: Database) -> Identities:
    identities = Identities(KEYS, database)
    await identities.load()
    return identities


async def test_the_first_generation_is_made_once(database: Database) -> None:
    many = await asyncio.gather(*(opened(database) for _ in range(5)))
    assert {one.current.key_id for one in many} == {NodeIdentity(KEYS).key_id}
    assert len({one.all[0].from_s for one in many}) == 1


async def test_a_rotation_ends_one_and_begins_another(database: Database) -> None:
    await opened(database)
    await rotate(database)
    identities = await opened(database)
    first, second = identities.all
    assert (first.until_s, second.until_s) == (second.from_s, None)
    assert identities.current is second.identity
    assert second.identity.generation == 2
    for one in (first, second):
        assert identities.by_key(one.identity.key_id) is one.identity
    assert identities.by_key("x") is None


async def test_all_are_published_with_their_times(database: Database) -> None:
    await opened(database)
    await rotate(database)
    identities = await opened(database)
    first, second = identities.all
    keys = read_jwks(identities.jwks())
    assert list(keys) == [second.identity.key_id, first.identity.key_id]
    assert (keys[first.identity.key_id].from_s, keys[first.identity.key_id].until_s) == (first.from_s, first.until_s)
    assert keys[second.identity.key_id].until_s is None
    agreement = [key for key in identities.jwks()["keys"] if key["use"] == "enc"]
    assert [key["crv"] for key in agreement] == ["X25519", "X25519"]
    assert len({key["kid"] for key in identities.jwks()["keys"]}) == 4


async def test_a_running_process_takes_a_rotation_over(database: Database) -> None:
    identities = await opened(database)
    heard: list[NodeIdentity] = []
    identities.on_change = heard.append
    watching = asyncio.create_task(identities.watch(every_s=0.01))
    await rotate(database)
    await until(lambda: bool(heard))
    watching.cancel()
    assert [one.generation for one in heard] == [2]
    assert identities.current is heard[0]


async def test_generations_begin_in_order_although_the_clock_does_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (await opened(database)).all[0].from_s
    with monkeypatch.context() as patched:
        patched.setattr(module.time, "time", lambda: before - 1000)
        await rotate(database)
    assert [one.from_s for one in (await opened(database)).all] == [before, before]


async def test_there_is_an_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await opened(database)
    monkeypatch.setattr(module, "_MAX_GENERATIONS", 2)
    await rotate(database)
    with pytest.raises(TooManyGenerations, match="2 generations"):
        await rotate(database)

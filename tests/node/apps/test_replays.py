"""Signed queries that come twice: taken once, where an operator wants that."""

import pytest

from tests.node.apps.conftest import WorkerFactory
from tests.trust.signing import caller
from wapo.node.apps.app import InstanceNotFound
from wapo.node.apps.queries import run_query
from wapo.node.apps.replays import QueryReplayed, ReplayGuard, ReplayGuardFull
from wapo.trust.query_signature import Query, SignatureType, encode_query_signature

QUERY = Query(bytes(32), "/p", b"x")


def seen(guard: ReplayGuard, origin: bytes, query: Query = QUERY) -> None:
    guard.remember(guard.check(origin, query))


def test_the_same_query_of_the_same_signer_is_taken_once() -> None:
    guard = ReplayGuard(10)
    seen(guard, b"a" * 32)
    for _ in range(2):
        with pytest.raises(QueryReplayed, match="within the last 10 s"):
            guard.check(b"a" * 32, QUERY)
    seen(guard, b"b" * 32)
    seen(guard, b"a" * 32, Query(bytes(32), "/p", b"y"))
    seen(guard, b"a" * 32, Query(bytes(32), "/q", b"x"))


def test_a_query_that_was_not_delivered_may_come_again() -> None:
    guard = ReplayGuard(10)
    guard.check(b"a", QUERY)
    seen(guard, b"a")


def test_it_is_forgotten_when_its_time_is_over_and_not_before() -> None:
    now = 0.0
    guard = ReplayGuard(10, clock=lambda: now)
    seen(guard, b"a")
    now = 9.9
    with pytest.raises(QueryReplayed):
        guard.check(b"a", QUERY)
    now = 10.0
    seen(guard, b"a")


def test_what_is_remembered_is_bounded_and_never_forgotten_early() -> None:
    now = 0.0
    guard = ReplayGuard(10, most=3, clock=lambda: now)
    for origin in (b"a", b"b", b"c"):
        seen(guard, origin)
    with pytest.raises(ReplayGuardFull):
        guard.check(b"d", QUERY)
    with pytest.raises(QueryReplayed):
        guard.check(b"a", QUERY)
    now = 10.0
    seen(guard, b"d")


@pytest.mark.parametrize("window_s", [None, 60])
async def test_an_app_gets_a_signed_query_once_if_the_operator_wants_that(
    open_site: WorkerFactory, window_s: float | None
) -> None:
    async with open_site(refuse_replays_s=window_s) as site:
        app = await site.deploy()
        signed = encode_query_signature(caller(SignatureType.ED25519).query(Query(app.address, "/echo", b"x")))

        async def ask() -> bytes:
            return await run_query(site.worker, app.address, "/echo", b"x", signed)

        assert await ask() == b"x"
        if window_s is None:
            assert await ask() == b"x"
            return
        with pytest.raises(QueryReplayed):
            await ask()
        for _ in range(2):  # one that nobody signed is nobody's
            assert await site.ask(app, "/echo", "x") == b"x"


async def test_a_signed_query_that_reached_nobody_may_come_again(open_site: WorkerFactory) -> None:
    async with open_site(refuse_replays_s=60) as site:
        app = await site.deploy()
        await site.worker.stop(app.address)
        signed = encode_query_signature(caller(SignatureType.ED25519).query(Query(app.address, "/echo", b"x")))
        with pytest.raises(InstanceNotFound):
            await run_query(site.worker, app.address, "/echo", b"x", signed)
        await site.worker.resize(app.address, 1)
        assert await run_query(site.worker, app.address, "/echo", b"x", signed) == b"x"

"""The query service as an app of a real worker: what it counts survives it."""

import asyncio

import pytest

from tests.gateway.conftest import Listening
from tests.sdk.examples.conftest import Deploy
from tests.sdk.support import EXAMPLES
from wapo.node.apps.queries import QueryRefused
from wapo.vm.inputs import offer_query
from wapo.vm.resources.oneshot import Refused, Reply, Sent

COUNTERS = EXAMPLES / "counters.c"


async def test_counting(listening: Listening, deploy: Deploy) -> None:
    app = await deploy(COUNTERS)

    async def ask(path: str, payload: str = "") -> str:
        return (await listening.site.ask(app, path, payload)).decode()

    assert await ask("/value/visits") == "0"
    assert await ask("/increment/visits") == "1"
    assert await ask("/increment/visits", "41") == "42"
    assert await ask("/increment/debts", "-7") == "-7"
    assert await ask("/value/visits") == "42"
    assert await ask("/names") == "visits\ndebts\n"


@pytest.mark.parametrize(("path", "payload", "why"), [
    ("/increment/a", "many", "the payload is not a number"),
    ("/increment/a", "1 ", "the payload is not a number"),
    ("/increment/a", "99999999999999999999", "the payload is not a number"),
    ("/increment/a\0b", "", "there is no such path"),
    ("/increment/", "", "there is no such path"),
    ("/increment/" + "x" * 65, "", "there is no such path"),
    ("/nothing", "", "there is no such path"),
])  # fmt: skip
async def test_what_is_refused(listening: Listening, deploy: Deploy, path: str, payload: str, why: str) -> None:
    app = await deploy(COUNTERS)
    with pytest.raises(QueryRefused, match=why):
        await listening.site.ask(app, path, payload)


async def test_a_counter_does_not_overflow(listening: Listening, deploy: Deploy) -> None:
    app = await deploy(COUNTERS)
    assert await listening.site.ask(app, "/increment/a", str(2**63 - 1)) == str(2**63 - 1).encode()
    with pytest.raises(QueryRefused, match="the counter would overflow"):
        await listening.site.ask(app, "/increment/a")


async def test_counters_survive_the_program(listening: Listening, deploy: Deploy) -> None:
    """They are stored on demand, and a while after a change; the next life of the program reads them."""
    site = listening.site
    app = await deploy(COUNTERS, "--save-ms", "0")
    await site.ask(app, "/increment/visits", "5")
    assert await site.ask(app, "/save") == b"saved"
    await site.worker.stop(app.address)
    await site.worker.resize(app.address, 1)
    assert await site.ask(app, "/value/visits") == b"5"
    assert "1 counters" in await site.log(app)


async def test_only_the_owner_may_change_anything(listening: Listening, deploy: Deploy) -> None:
    owner = bytes(range(32))
    app = await deploy(COUNTERS, env_vars=[("OWNER", owner.hex())])
    with pytest.raises(QueryRefused, match="only the owner may do that"):
        await listening.site.ask(app, "/increment/a")
    assert await listening.site.ask(app, "/value/a") == b"0"
    answers: list[Reply] = []
    (instance,) = app.instances
    for origin in (bytes(32), owner):
        offer_query(instance.guest, origin, "/increment/a", b"", answers.append)
    await listening.site.until(lambda: len(answers) == 2)
    assert answers == [Refused("only the owner may do that"), Sent(b"1")]


async def test_hundreds_of_queries_at_once(listening: Listening, deploy: Deploy) -> None:
    """As many at a time as the channel holds; every one is counted once."""
    app = await deploy(COUNTERS)
    gate = asyncio.Semaphore(15)

    async def one() -> int:
        async with gate:
            return int(await listening.site.ask(app, "/increment/n"))

    assert sorted(await asyncio.gather(*(one() for _ in range(300)))) == list(range(1, 301))

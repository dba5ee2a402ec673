"""A clock that jumps a day, forward or back: what lasts a while lasts that while, and order stays order."""

import asyncio
import time
from collections.abc import Callable

import pytest

from tests.conftest import Site, SiteFactory
from tests.gateway.support import assert_failed

DAY_S = 86_400.0
SLEEPER = """export default { async fetch(request) {
  const [wall, steady] = [Date.now(), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, Number(new URL(request.url).searchParams.get("ms"))));
  console.log("slept");
  return Response.json({ wall: Date.now() - wall, steady: performance.now() - steady });
} };"""


@pytest.fixture
def jump(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Sets this process's clock that many seconds ahead (or back); the monotonic one goes on."""
    wall, wall_ns, ahead = time.time, time.time_ns, [0.0]
    monkeypatch.setattr(time, "time", lambda: wall() + ahead[0])
    monkeypatch.setattr(time, "time_ns", lambda: wall_ns() + int(ahead[0] * 1e9))
    return lambda seconds: ahead.__setitem__(0, ahead[0] + seconds)


@pytest.mark.parametrize("seconds", [DAY_S, -DAY_S])
async def test_an_agent_that_sleeps_wakes_when_it_should(
    site: Site, jump: Callable[[float], None], seconds: float
) -> None:
    path = await site.publish(SLEEPER)
    await site.client.get(path, params={"ms": "0"})
    started = time.monotonic()
    asleep = asyncio.create_task(site.client.get(path, params={"ms": "400"}))
    while not site.node.admission.machines:
        await asyncio.sleep(0.001)
    jump(seconds)
    answer = (await asleep).json()
    assert 390 <= answer["steady"] <= 20_000
    assert abs(answer["wall"] - seconds * 1000) < 20_000
    assert 0.39 <= time.monotonic() - started < 20


@pytest.mark.parametrize("seconds", [DAY_S, -DAY_S])
async def test_a_time_limit_is_as_long_as_it_says(
    open_site: SiteFactory, jump: Callable[[float], None], seconds: float
) -> None:
    async with open_site(time_s=1.5) as site:
        path = await site.publish(SLEEPER)
        asleep = asyncio.create_task(site.client.get(path, params={"ms": "700"}))
        forever = asyncio.create_task(site.client.get(path, params={"ms": "60000"}))
        while site.node.admission.machines < 2:
            await asyncio.sleep(0.001)
        jump(seconds)
        assert (await asleep).status_code == 200
        assert_failed(await forever, 504, "time_limit")


async def test_the_latest_run_comes_first_in_the_log_whatever_the_clock_said(
    open_site: SiteFactory, jump: Callable[[float], None]
) -> None:
    names = []
    source = "export default { fetch(request) { console.log(new URL(request.url).search); return new Response(); } };"
    for life in range(2):  # a restart remembers it, too
        async with open_site() as site:
            path = await site.publish(source)
            for turn, seconds in enumerate((DAY_S, -2 * DAY_S, 0.0, DAY_S, -DAY_S)):
                jump(seconds)
                names.append(f"?run-{life}-{turn}")
                await site.client.get(path + names[-1])
                await site.node.logs.flush()
            assert await site.log(path) == names


async def test_a_client_is_throttled_by_time_that_has_passed(site: Site, jump: Callable[[float], None]) -> None:
    """Not longer when the clock is set back, and not less when it is set forward."""
    item = {"cid": (await site.publish(SLEEPER))[6:], "data": {"a": "b"}}

    async def answers(count: int) -> list[int]:
        made = await asyncio.gather(*(site.client.post("/vaults", json=item) for _ in range(count)))
        return [response.status_code for response in made]

    assert set(await answers(40)) == {200}
    jump(DAY_S)
    assert set(await answers(100)) == {200, 429}
    jump(-2 * DAY_S)
    async with asyncio.timeout(20):
        while await answers(1) == [429]:
            await asyncio.sleep(0.3)  # who asks five times a second gets no further

"""Budgets over time: what is counted, when it is used up, and that it is kept whatever happens."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from wapo.node.budgets import BudgetExhausted, Budgets, announce, announced, used_now
from wapo.node.limits import BUDGETS, AgentLimits
from wapo.store.database import Database, StoreFailed
from wapo.vm.meter import Meter

#: Half past ten in the morning of some day.
NOON = 1_795_780_800 - 1_795_780_800 % 86400 + 12 * 3600
TEN_THIRTY = NOON - 5400


class Clock:
    def __init__(self, now: float = TEN_THIRTY) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


Opened = Callable[[], Budgets]


@pytest.fixture
def process(database: Database, clock: Clock) -> Opened:
    """The budgets of another process of the node, or of the same after a restart."""
    return lambda: Budgets(database, clock)


def limits(**given: float) -> AgentLimits:
    return AgentLimits(**given)  # type: ignore[arg-type]


async def ask(budgets: Budgets, given: AgentLimits, program: str = "p", meter: Meter | None = None) -> None:
    """A request that has used what the meter says."""
    assert given.budgets is not None
    if program not in budgets.uses:
        await budgets.load(program)
    budgets.end(budgets.begin(program, given.budgets), meter)


def metered(cpu_s: float = 0.0, egress: int = 0) -> Meter:
    meter = Meter()
    meter.cpu_s, meter.net_egress = cpu_s, egress
    return meter


async def test_the_next_request_is_refused_before_it_begins(process: Opened) -> None:
    budgets, three = process(), limits(hourly_requests=3)
    for _ in range(3):
        await ask(budgets, three)
    with pytest.raises(
        BudgetExhausted, match=r"^the budget requests=3/hour of this program is used up until"
    ) as caught:
        await ask(budgets, three)
    assert (caught.value.status, caught.value.code, caught.value.retry_after_s) == (429, "budget_exhausted", 1800)
    await ask(budgets, three, "another")


@pytest.mark.parametrize(
    ("given", "meter", "named"),
    [
        ({"hourly_cpu_s": 2}, metered(cpu_s=1), "cpu=2s/hour"),
        ({"daily_cpu_s": 2}, metered(cpu_s=1), "cpu=2s/day"),
        ({"hourly_egress_bytes": 2000}, metered(egress=1000), "egress=2000B/hour"),
        ({"daily_egress_bytes": 2000}, metered(egress=1000), "egress=2000B/day"),
        ({"daily_requests": 2}, metered(), "requests=2/day"),
        ({"daily_requests": 2, "hourly_requests": 5, "hourly_cpu_s": 100}, metered(), "requests=2/day"),
    ],
)
async def test_each_budget(process: Opened, given: dict[str, float], meter: Meter, named: str) -> None:
    budgets, set_ = process(), limits(**given)
    for _ in range(2):
        await ask(budgets, set_, meter=meter)
    with pytest.raises(BudgetExhausted, match=f"the budget {named} of this program") as caught:
        await ask(budgets, set_)
    assert caught.value.retry_after_s == (13.5 * 3600 if "day" in named else 1800)


async def test_an_hour_and_a_day_end_with_the_clocks(process: Opened, clock: Clock) -> None:
    budgets, set_ = process(), limits(hourly_requests=2, daily_requests=3)
    await ask(budgets, set_)
    await ask(budgets, set_)
    with pytest.raises(BudgetExhausted, match="hour"):
        await ask(budgets, set_)
    clock.now = NOON - 3600
    await ask(budgets, set_)
    with pytest.raises(BudgetExhausted, match="day"):
        await ask(budgets, set_)
    clock.now = NOON + 12 * 3600
    await ask(budgets, set_)
    await budgets.flush()
    assert await used_now(budgets._database, "p", clock) == [1, 0, 0, 1, 0, 0]
    assert await used_now(budgets._database, "p", Clock()) == [2, 0, 0, 3, 0, 0]


async def test_what_was_used_outlives_the_process(process: Opened) -> None:
    set_ = limits(daily_requests=2, daily_cpu_s=100)
    first = process()
    await ask(first, set_, meter=metered(cpu_s=1.5, egress=7))
    await ask(first, set_)
    await first.flush()
    second = process()
    with pytest.raises(BudgetExhausted):
        await ask(second, set_)
    await second.flush()
    assert await used_now(second._database, "p", second._clock) == [2, 1_500_000, 7] * 2


async def test_processes_share_a_budget(process: Opened) -> None:
    one, two, set_ = process(), process(), limits(hourly_requests=10)
    for budgets in (one, two):
        for _ in range(4):
            await ask(budgets, set_)
    for budgets in (one, two, one):
        await budgets.flush()
    for budgets in (one, two):
        await ask(budgets, set_)
        await budgets.flush()
    await one.flush()
    for budgets in (one, two):
        with pytest.raises(BudgetExhausted):
            await ask(budgets, set_)


async def test_it_is_told_once_an_hour_by_whichever_process(process: Opened, clock: Clock) -> None:
    set_ = limits(hourly_requests=1)
    one, two = process(), process()
    await ask(one, set_)

    async def told(budgets: Budgets) -> bool:
        with pytest.raises(BudgetExhausted) as caught:
            await ask(budgets, set_)
        return caught.value.first

    assert [await told(one), await told(one)] == [True, False]
    await one.flush()
    assert await told(two) is False
    clock.now = NOON
    await ask(one, set_)
    assert await told(one) is True


async def test_a_run_that_goes_on_is_counted_meanwhile(process: Opened) -> None:
    budgets, set_ = process(), limits(hourly_cpu_s=5)
    await budgets.load("p")
    use = budgets.begin("p", set_.budgets or ())
    meter = Meter()
    budgets.watch(use, meter)
    meter.cpu_s = 6.0
    await budgets.flush()
    with pytest.raises(BudgetExhausted):
        budgets.begin("p", set_.budgets or ())
    meter.cpu_s = 7.0
    budgets.end(use, meter)
    await budgets.flush()
    assert (await used_now(budgets._database, "p", budgets._clock))[1] == 7_000_000
    assert not budgets._live


async def test_use_at_the_end_of_an_hour_belongs_to_that_hour(process: Opened, clock: Clock) -> None:
    budgets, set_ = process(), limits(hourly_requests=2)
    clock.now = NOON - 0.1
    await ask(budgets, set_)
    await ask(budgets, set_)
    clock.now = NOON + 0.1
    await ask(budgets, set_)
    await ask(budgets, set_)
    await budgets.flush()
    assert (await used_now(budgets._database, "p", clock))[0] == 2
    assert (await used_now(budgets._database, "p", Clock(NOON - 1)))[0] == 2
    with pytest.raises(BudgetExhausted):
        await ask(budgets, set_)


@pytest.mark.parametrize("away", [-7200, -86400 * 40, 7200, 86400 * 400])
async def test_a_clock_that_jumps_and_comes_back_gives_nothing_away(process: Opened, clock: Clock, away: int) -> None:
    budgets, set_ = process(), limits(hourly_requests=3)
    for _ in range(3):
        await ask(budgets, set_)
    await budgets.flush()
    clock.now += away
    await budgets.flush()
    for _ in range(3):
        await ask(budgets, set_)  # another hour, which has a budget of its own
    await budgets.flush()
    clock.now -= away
    await budgets.flush()
    with pytest.raises(BudgetExhausted):
        await ask(budgets, set_)


async def test_what_the_store_does_not_take_is_added_later(
    process: Opened, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    budgets, set_ = process(), limits(hourly_requests=3)
    await ask(budgets, set_)
    writing = database.writing

    def full(**_: bool) -> None:
        raise StoreFailed("the disk is full")

    monkeypatch.setattr(database, "writing", full)
    with capture_logs() as logs:
        await budgets.flush()
        await ask(budgets, set_)
        await budgets.flush()
    assert [line["cause"] for line in logs] == ["the disk is full"]
    monkeypatch.setattr(database, "writing", writing)
    await ask(budgets, set_)
    with pytest.raises(BudgetExhausted):
        await ask(budgets, set_)
    await budgets.flush()
    assert (await used_now(database, "p", budgets._clock))[0] == 3


async def test_programs_that_nobody_asks_for_are_forgotten_and_found_again(process: Opened) -> None:
    budgets, set_ = process(), limits(daily_requests=2)
    await ask(budgets, set_)
    for _ in range(12):
        await budgets.flush()
    assert "p" not in budgets.uses
    await ask(budgets, set_)
    with pytest.raises(BudgetExhausted):
        await ask(budgets, set_)


async def test_many_programs_are_written_and_read(process: Opened, database: Database) -> None:
    budgets, set_ = process(), limits(daily_requests=2)
    names = [f"p'\"\\{number}" for number in range(1200)]
    for name in names:
        await ask(budgets, set_, name)
    await budgets.flush()
    assert all([(await used_now(database, name, budgets._clock))[3] == 1 for name in names[::100]])
    assert budgets.uses[names[-1]].totals[3] == 1


async def test_days_that_are_over_are_forgotten(process: Opened, clock: Clock, database: Database) -> None:
    budgets, set_ = process(), limits(daily_requests=5)
    await ask(budgets, set_)
    await budgets.flush()
    clock.now += 2 * 86400
    await budgets._prune()
    assert (await used_now(database, "p", Clock()))[3] == 1
    clock.now += 2 * 86400
    await budgets._prune()
    assert (await used_now(database, "p", Clock()))[3] == 0


async def test_commands_find_the_budgets_of_the_node(database: Database) -> None:
    assert (await announced(database)).budgets is None
    await announce(database, limits(hourly_requests=5, daily_cpu_s=1.5))
    found = await announced(database)
    assert {name: getattr(found, name) for name in BUDGETS if getattr(found, name)} == {
        "hourly_requests": 5, "daily_cpu_s": 1.5,
    }  # fmt: skip
    await announce(database, AgentLimits())
    assert (await announced(database)).budgets is None


KILLED = """
import asyncio, os, sys
from pathlib import Path
from wapo.node.budgets import Budgets
from wapo.store.database import Database

async def main():
    async with Database(Path(sys.argv[1])) as database:
        budgets = Budgets(database)
        await budgets.load("p")
        budgets.begin("p", ((3, 1 << 60),))
        await budgets.flush()
        budgets.begin("p", ((3, 1 << 60),))
        os.kill(os.getpid(), 9)

asyncio.run(main())
"""


async def test_kill_9_loses_what_was_used_since_the_last_pass(database: Database, database_file: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(database_file)]
    for _ in range(3):
        assert await asyncio.to_thread(subprocess.call, command) == -9
    assert (await used_now(database, "p"))[3] == 3

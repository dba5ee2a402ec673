"""Budgets over time: what all runs of a program together may use in an hour and in a day.

A program whose budget is used up is refused before anything is started for it, until the hour or the day ends. Both
are the clock's, in UTC, and every process of a node means the same ones, whenever it was started and whatever happened
to its clock meanwhile.

Use is counted in memory and added in the store about once a second; then the store's totals are read, which have what
other processes have added. So a kill -9 loses about a second of use, and several processes together may go over a
budget by what they do in a second. A request counts when it is admitted, CPU and bytes when they have been used: what
is under way is finished. Only programs that have a budget are counted.

A store that does not take it makes nobody wait: what it has missed is added later, and until then each process counts
for itself.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final

import msgspec
from sqlalchemy import delete, select

from wapo.errors import CallerError
from wapo.log import Log
from wapo.node.apps.records import AppRecords
from wapo.node.limits import BUDGETS, AgentLimits
from wapo.store.database import Database, StoreFailed
from wapo.store.schema import agent_use
from wapo.vm.meter import Meter

__all__ = ["PERIODS", "BudgetExhausted", "Budgets", "Use", "announce", "announced", "described", "ends", "used_now"]

#: Seconds of each, by its name in the store. Days begin when an hour does.
PERIODS: Final = {"hour": 3600, "day": 86400}
_HOUR, _DAY = PERIODS["hour"], PERIODS["day"]
_EVERY_S: Final = 1.0
#: A program that nobody asks for is forgotten after so many passes, and read again when somebody does.
_IDLE_PASSES: Final = 3
_PRUNE_EVERY_S: Final = 600.0
_KEPT_S: Final = 3 * _DAY
_CLOCK_WAS_SET_S: Final = 60.0
_COMPLAIN_EVERY_S: Final = 10.0
#: Of a store that takes nothing for long.
_MAX_LATE: Final = 100_000

#: Requests, microseconds of CPU, bytes sent.
_KINDS: Final = 3
_NOTHING: Final = (0,) * _KINDS
_NO_ROW: Final = ("", "", *_NOTHING, False)
#: Rows that are written, and programs that are read, in one go.
_PIECE: Final = 250
_ADD: Final = (
    "INSERT INTO agent_use (program, period, start, requests, cpu_us, egress_bytes, told) "
    "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), "
    "json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'), "
    "json_extract(value, '$[6]') "
    "FROM json_each(?) WHERE true "  # without a condition, ON would be a join's
    "ON CONFLICT (program, period, start) DO UPDATE SET requests = requests + excluded.requests, "
    "cpu_us = cpu_us + excluded.cpu_us, egress_bytes = egress_bytes + excluded.egress_bytes, "
    "told = told OR excluded.told"
)
_TOTALS: Final = (
    "SELECT program, period, requests, cpu_us, egress_bytes, told FROM agent_use "
    "WHERE program IN (SELECT value FROM json_each(?)) "
    "AND ((period = 'hour' AND start = ?) OR (period = 'day' AND start = ?))"
)
_log = Log("wapo.budgets")

_Key = tuple[str, str, int]


class BudgetExhausted(CallerError):
    """A budget of the program is used up; its hour or day has not ended.

    Attributes:
        first: whether nobody has been told so in this hour or day.
    """

    code = "budget_exhausted"
    status = 429

    def __init__(self, message: str, retry_after_s: int, *, first: bool) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.first = first


def described(which: int, amount: int) -> str:
    """A budget as the option ``--budget`` takes it; ``which`` and ``amount`` as in ``AgentLimits.budgets``."""
    period, kind = divmod(which, _KINDS)
    text = (f"requests={amount}", f"cpu={amount / 1e6:.15g}s", f"egress={amount}B")[kind]
    return f"{text}/{tuple(PERIODS)[period]}"


class Use:
    """What one program has used in the hour and the day that it is.

    Attributes:
        totals: requests, CPU, bytes of the hour; then of the day.
        running: requests under way.
    """

    __slots__ = ("begins", "day", "ends", "fresh", "idle", "program", "running", "told", "totals")

    def __init__(self, program: str, hour: int) -> None:
        self.program = program
        self.totals = [0] * (2 * _KINDS)
        self.fresh = [0] * _KINDS  # of them, what has not been handed to the store
        self.told = [False, False]
        self.running = self.idle = 0
        self._enter(hour)

    def _enter(self, hour: int) -> None:
        self.begins, self.ends, self.day = hour, hour + _HOUR, hour - hour % _DAY

    def turn(self, hour: int) -> None:
        """Another hour has begun, or the clock was set."""
        day = self.day
        self._enter(hour)
        self.totals[:_KINDS] = [0] * _KINDS
        self.told[0] = False
        if self.day != day:
            self.totals[_KINDS:] = [0] * _KINDS
            self.told[1] = False


class Budgets:
    """What programs have used, of one process. Start it with :meth:`run`; close it by cancelling after :meth:`flush`.

    Args:
        clock: seconds since the epoch. Whether an hour is over is looked at in each pass, and before anybody is
            refused: a request costs no more than some additions.

    Attributes:
        uses: by program; those that are loaded.
    """

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self.uses: dict[str, Use] = {}
        #: By program, period and start: what the store has to add. Requests, CPU, bytes, and whether somebody was told.
        self._late: dict[_Key, list[int]] = {}
        #: Of runs that take their time: whose they are, and what of their meters has been counted.
        self._live: dict[Meter, tuple[Use, list[int]]] = {}
        self._writing = asyncio.Lock()
        self._last_complaint = -math.inf

    async def load(self, program: str) -> None:
        """Reads what a program has used.

        Raises:
            StoreFailed.
        """
        use = Use(program, self._hour())
        async with self._database.reading() as connection:
            rows = (await connection.exec_driver_sql(_TOTALS, _question([use], use.begins))).all()
        if program not in self.uses:
            self.uses[program] = use
            self._take([use], rows)

    def _hour(self) -> int:
        now = int(self._clock())
        return now - now % _HOUR

    def _turn(self, use: Use, now: float) -> None:
        """Enters the hour that it is, if that is another."""
        if not use.begins <= now < use.ends:
            self._hand_over(use)
            use.turn(int(now) - int(now) % _HOUR)

    def begin(self, program: str, budgets: tuple[tuple[int, int], ...]) -> Use:
        """The next request of a program begins; to be told of with :meth:`end`, or :meth:`cancel`.

        Args:
            program: that is loaded.
            budgets: of ``AgentLimits``.

        Raises:
            BudgetExhausted: one of them is used up.
        """
        use = self.uses[program]
        totals = use.totals
        for which, amount in budgets:
            if totals[which] >= amount:
                self._check(use, budgets)
                break
        use.idle = 0
        use.running += 1
        totals[0] += 1
        totals[_KINDS] += 1
        use.fresh[0] += 1
        return use

    def _check(self, use: Use, budgets: tuple[tuple[int, int], ...]) -> None:
        """
        Raises:
            BudgetExhausted: in the hour and the day that it is now.
        """
        use.idle = 0
        now = self._clock()
        self._turn(use, now)
        for which, amount in budgets:
            if use.totals[which] >= amount:
                raise self._refusal(use, which, amount, now)

    def _refusal(self, use: Use, which: int, amount: int, now: float) -> BudgetExhausted:
        period = which // _KINDS
        first, use.told[period] = not use.told[period], True
        if first:
            start = (use.begins, use.day)[period]
            self._owe((use.program, tuple(PERIODS)[period], start), [*[0] * _KINDS, True])
        ends = (use.ends, use.day + _DAY)[period]
        until = time.strftime("%Y-%m-%d %H:%M", time.gmtime(ends))
        text = f"the budget {described(which, amount)} of this program is used up until {until} UTC"
        return BudgetExhausted(text, max(1, math.ceil(ends - now)), first=first)

    def cancel(self, use: Use) -> None:
        """What has just begun does not happen: it was refused for another reason."""
        use.running -= 1
        use.totals[0] -= 1
        use.totals[_KINDS] -= 1
        use.fresh[0] -= 1

    def spend(self, use: Use, cpu_us: int, egress_bytes: int) -> None:
        """It has used so much."""
        totals, fresh = use.totals, use.fresh
        totals[1] += cpu_us
        totals[4] += cpu_us
        fresh[1] += cpu_us
        totals[2] += egress_bytes
        totals[5] += egress_bytes
        fresh[2] += egress_bytes

    def watch(self, use: Use, meter: Meter) -> None:
        """A run takes its time: what it uses counts while it goes on."""
        self._live[meter] = use, [0, 0]

    def end(self, use: Use, meter: Meter | None) -> None:
        """A request is over that has begun. ``meter`` is its machine's, if it has got one."""
        use.running -= 1
        if meter is None:
            return
        cpu_us, egress_bytes = int(meter.cpu_s * 1e6), meter.net_egress
        if self._live:
            _, counted = self._live.pop(meter, (use, (0, 0)))
            cpu_us -= counted[0]
            egress_bytes -= counted[1]
        totals, fresh = use.totals, use.fresh  # as ``spend``: of most requests this is all that they cost
        totals[1] += cpu_us
        totals[4] += cpu_us
        fresh[1] += cpu_us
        totals[2] += egress_bytes
        totals[5] += egress_bytes
        fresh[2] += egress_bytes

    # The store

    def _hand_over(self, use: Use) -> None:
        """What is new of a program goes to what the store has to add."""
        if any(use.fresh):
            for period, start in (("hour", use.begins), ("day", use.day)):
                self._owe((use.program, period, start), [*use.fresh, False])
            use.fresh = [0] * _KINDS

    def _owe(self, key: _Key, more: list[int]) -> None:
        owed = self._late.get(key)
        if owed is not None:
            owed[:_KINDS] = [a + b for a, b in zip(owed[:_KINDS], more, strict=False)]
            owed[_KINDS] = owed[_KINDS] or more[_KINDS]
        elif len(self._late) < _MAX_LATE:
            self._late[key] = more

    def _settle(self) -> None:
        """What runs that go on have used since the last time."""
        for meter, (use, counted) in self._live.items():
            cpu_us, egress = int(meter.cpu_s * 1e6), meter.net_egress
            if cpu_us != counted[0] or egress != counted[1]:
                self.spend(use, cpu_us - counted[0], egress - counted[1])
                counted[:] = cpu_us, egress

    async def flush(self) -> None:
        """Adds in the store what is new, and reads what others have added."""
        async with self._writing:
            self._settle()
            asked, now = list(self.uses.values()), self._clock()
            for use in asked:
                self._turn(use, now)
                self._hand_over(use)
            owed, self._late = self._late, {}
            try:
                await self._write(owed)
                await self._read(asked)
            except StoreFailed as error:
                self._complain(error)
            finally:
                for key, more in owed.items():  # what was not added
                    self._owe(key, more)
            self._forget_idle()

    async def _write(self, owed: dict[_Key, list[int]]) -> None:
        """Adds, some at a time, so that nobody else waits for long. What was added is not owed any more."""
        while owed:
            piece = list(islice(owed.items(), _PIECE))
            async with self._database.writing(synced=False) as connection:
                await connection.exec_driver_sql(_ADD, (_json([(*key, *more) for key, more in piece]),))
            for key, _ in piece:
                del owed[key]

    async def _read(self, uses: list[Use]) -> None:
        """The totals, when all that was to be added has been."""
        for start in range(0, len(uses), _PIECE):
            piece, hour = uses[start : start + _PIECE], self._hour()
            async with self._database.reading() as connection:
                rows = (await connection.exec_driver_sql(_TOTALS, _question(piece, hour))).all()
            self._take([use for use in piece if use.begins == hour], rows)

    def _take(self, uses: list[Use], rows: Sequence[Any]) -> None:
        """The store's totals, with what it has not got yet."""
        found = {(row[0], row[1]): row for row in rows}
        for use in uses:
            fresh = use.fresh
            for at, (period, start) in enumerate((("hour", use.begins), ("day", use.day))):
                _, _, *stored, told = found.get((use.program, period), _NO_ROW)
                late = self._late.get((use.program, period, start), _NOTHING) if self._late else _NOTHING
                use.totals[at * _KINDS : (at + 1) * _KINDS] = (
                    stored[0] + late[0] + fresh[0], stored[1] + late[1] + fresh[1], stored[2] + late[2] + fresh[2],
                )  # fmt: skip
                use.told[at] = use.told[at] or bool(told)

    def _forget_idle(self) -> None:
        for program, use in list(self.uses.items()):
            use.idle += 1
            if use.idle > _IDLE_PASSES and not use.running and not any(use.fresh):
                del self.uses[program]

    def _complain(self, error: StoreFailed) -> None:
        now = time.monotonic()
        if now - self._last_complaint > _COMPLAIN_EVERY_S:
            self._last_complaint = now
            _log.error("what agents have used could not be written", cause=str(error))

    async def run(self) -> None:
        """Keeps the store up to date for ever."""
        looked, offset = time.monotonic(), self._clock() - time.monotonic()
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.flush()
            if time.monotonic() - looked > _PRUNE_EVERY_S:
                drift = self._clock() - time.monotonic() - offset
                looked, offset = time.monotonic(), offset + drift
                if abs(drift) < _CLOCK_WAS_SET_S:  # which days are over cannot be told from a clock that was just set
                    await self._prune()

    async def _prune(self) -> None:
        """Forgets days that are over."""
        try:
            async with self._database.writing(synced=False) as connection:
                await connection.execute(delete(agent_use).where(agent_use.c.start < int(self._clock()) - _KEPT_S))
        except StoreFailed as error:
            self._complain(error)


def _question(uses: list[Use], hour: int) -> tuple[str, int, int]:
    """What ``_TOTALS`` asks for."""
    return _json([use.program for use in uses]), hour, hour - hour % _DAY


def _json(values: list[Any]) -> str:
    return msgspec.json.encode(values).decode()


_ANNOUNCED: Final = "agent-budgets"


def _set_budgets(limits: AgentLimits) -> dict[str, Any]:
    """Those that are set, by name of ``AgentLimits``."""
    return {name: getattr(limits, name) for name in BUDGETS if getattr(limits, name) is not None}


async def announce(database: Database, limits: AgentLimits) -> None:
    """Leaves a running node's budgets where commands find them.

    Raises:
        StoreFailed.
    """
    records, budgets = AppRecords(database), _set_budgets(limits)
    if (await records.state(_ANNOUNCED) or {}) != budgets:
        await records.set_state(_ANNOUNCED, budgets)


async def announced(database: Database) -> AgentLimits:
    """Limits with the budgets of the node that ran last with these data.

    Raises:
        StoreFailed.
    """
    return AgentLimits(**(await AppRecords(database).state(_ANNOUNCED) or {}))


def ends(name: str, clock: Callable[[], float] = time.time) -> str:
    """When the hour or the day of a budget of ``AgentLimits`` ends, in UTC (RFC 3339)."""
    now = int(clock())
    length = _HOUR if name.startswith("hourly") else _DAY
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - now % length + length))


async def used_now(database: Database, program: str, clock: Callable[[], float] = time.time) -> list[int]:
    """What a program has used in this hour and this day, as ``Use.totals``, as far as the store knows.

    Raises:
        StoreFailed.
    """
    now = int(clock())
    starts = {"hour": now - now % _HOUR, "day": now - now % _DAY}
    totals = [0] * (2 * _KINDS)
    async with database.reading() as connection:
        query = select(agent_use).where(agent_use.c.program == program, agent_use.c.start.in_(starts.values()))
        for row in (await connection.execute(query)).mappings():
            if starts[row["period"]] == row["start"]:
                at = 0 if row["period"] == "hour" else _KINDS
                totals[at : at + _KINDS] = row["requests"], row["cpu_us"], row["egress_bytes"]
    return totals

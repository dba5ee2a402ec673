"""The same questions to all peers, in turns: a round of each, then again, so that a busy machine is busy for all.

All servers run throughout; who is not asked is idle. Ratios are taken within a round and their median is given, so that
what drifts does so for both sides.
"""

import statistics
import sys
import time
import urllib.error
import urllib.request
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from client import Load, client_name, load
from harness import Chart, report

from peers.packages import Absent
from peers.servers import BESIDE, Server, Start

__all__ = ["Case", "Plan", "Round", "WrongAnswer", "check", "compare", "ratios", "side_by_side", "summary"]

#: Ours, that others are compared with; "wapo, 2 workers" is ours, too.
OURS = "wapo"


class WrongAnswer(Exception):
    """A server does not do what it is measured at."""


@dataclass(frozen=True)
class Case:
    """One question. ``tail`` follows the agent's URL; ``right`` looks at a whole answer, before any is counted."""

    name: str
    agent: Callable[[], Path]
    right: Callable[[bytes], bool]
    tail: str = "/"
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    connections: int = 16
    peers: Mapping[str, Start] = field(default_factory=lambda: BESIDE)


@dataclass(frozen=True)
class Plan:
    """How long it takes: ``rounds`` of ``seconds`` for each peer, after a warm-up that is not counted."""

    rounds: int = 3
    seconds: float = 2
    warm_up_s: float = 1

    @classmethod
    def quick(cls) -> "Plan":
        """To see that it works, not to learn anything."""
        return cls(1, 1, 0)


@dataclass(frozen=True)
class Round:
    load: Load
    cpu_s: float
    wall_s: float


def side_by_side(case: Case, plan: Plan, absent: dict[str, str]) -> dict[str, list[Round]]:
    """All rounds of each peer. Who cannot be had is added to ``absent`` with the reason.

    Raises:
        WrongAnswer: somebody's answer is not right.
        Absent: the agent cannot be bundled.
    """
    agent = case.agent()
    taken: dict[str, list[Round]] = {}
    with ExitStack() as stack:
        servers: dict[str, Server] = {}
        for name, start in case.peers.items():
            try:
                servers[name] = stack.enter_context(start(agent))
            except Absent as why:
                absent[name] = str(why)
                continue
            check(case, name, servers[name])
        if plan.warm_up_s:
            for server in servers.values():
                _load(case, server, plan.warm_up_s)
        for number in range(plan.rounds):
            # There and back: nobody is always asked after the same other.
            for name, server in list(servers.items())[:: -1 if number % 2 else 1]:
                taken.setdefault(name, []).append(_round(case, plan, server))
            sys.stderr.write(f"  {case.name}: round {number + 1} of {plan.rounds}\n")
    return taken


#: What charts show, unless a question is about something else.
COLUMNS = ("requests a second", "median ms", "p99 ms")


def compare(
    title: str, cases: Sequence[Case], options: Namespace, targets: Mapping[str, str] | None = None, *,
    plan: Plan | None = None, columns: Sequence[str] = COLUMNS, subject: str = OURS,
) -> None:  # fmt: skip
    """Asks all of it and reports, with charts of ``columns``. ``targets`` are ``report``'s."""
    plan = Plan.quick() if options.quick else plan or Plan()
    results: dict[str, Any] = {"client": client_name()}
    absent: dict[str, str] = {}
    for case in cases:
        try:
            taken = side_by_side(case, plan, absent)
        except Absent as why:
            absent[case.name] = str(why)
            continue
        results[case.name] = summary(taken)
        results[f"{case.name}, ratios"] = ratios(taken, subject)
    if absent:
        results["absent"] = absent
    charts = [
        Chart(case.name, column, "higher" if "a second" in column else "lower") for case in cases for column in columns
    ]
    report(title, results, dict(targets or {}), charts)


def check(case: Case, name: str, server: Server) -> None:
    """Asks once.

    Raises:
        WrongAnswer: the answer is not right.
    """
    url = server.url + case.tail
    headers = {} if case.body is None else {"content-type": "application/json"}
    request = urllib.request.Request(url, case.body, headers | dict(case.headers))
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            body = response.read()
    except urllib.error.HTTPError as error:
        raise WrongAnswer(f"{name}, asked for {case.name}, says {error.code}: {error.read()[:200]!r}") from None
    if not case.right(body):
        raise WrongAnswer(f"{name}, asked for {case.name}, says {body[:200]!r}")


def _load(case: Case, server: Server, seconds: float) -> Load:
    url = server.url + case.tail
    return load(url, seconds=seconds, connections=case.connections, body=case.body, headers=case.headers)


def _round(case: Case, plan: Plan, server: Server) -> Round:
    cpu, begin = server.cpu_s(), time.perf_counter()
    done = _load(case, server, plan.seconds)
    return Round(done, server.cpu_s() - cpu, time.perf_counter() - begin)


def summary(taken: Mapping[str, list[Round]]) -> dict[str, dict[str, Any]]:
    """Medians over rounds; ``spread`` is between the best and the worst round's throughput, of the median."""
    rows: dict[str, dict[str, Any]] = {}
    for name, rounds in taken.items():
        rates = [one.load.requests_s for one in rounds]
        rate = statistics.median(rates)
        requests = [max(one.load.requests_s * one.wall_s, 1) for one in rounds]
        rows[name] = {
            "requests a second": _figures(rate),
            "median ms": _figures(statistics.median(one.load.median_ms for one in rounds)),
            "p99 ms": _figures(statistics.median(one.load.p99_ms for one in rounds)),
            "MB a second": _figures(statistics.median(one.load.megabytes_s for one in rounds)),
            "server's CPU ms each": _figures(
                statistics.median(one.cpu_s * 1e3 / count for one, count in zip(rounds, requests, strict=True))
            ),
            "cores taken": round(statistics.median(one.cpu_s / one.wall_s for one in rounds), 2),
            "spread %": round((max(rates) - min(rates)) / rate * 100) if rate else 0,
            "errors": sum(one.load.errors for one in rounds),
        }
    return rows


def ratios(taken: Mapping[str, list[Round]], subject: str = OURS) -> dict[str, dict[str, float]]:
    """The subject's throughput, median and 99th percentile over others', within each round; the medians of those."""
    ours = [name for name in taken if name.split(",")[0] == subject]
    pairs = [(name, ours[0]) for name in ours[1:]]
    pairs += [(name, other) for name in ours for other in taken if other not in ours]
    rows = {}
    for one, other in pairs:
        rounds = list(zip(taken[one], taken[other], strict=True))
        rows[f"{one} / {other}"] = {
            "throughput": _ratio(rounds, lambda of: of.load.requests_s),
            "median": _ratio(rounds, lambda of: of.load.median_ms),
            "p99": _ratio(rounds, lambda of: of.load.p99_ms),
            "server's CPU": _ratio(rounds, lambda of: of.cpu_s / max(of.load.requests_s * of.wall_s, 1)),
        }
    return rows


def _ratio(pairs: list[tuple[Round, Round]], of: Callable[[Round], float]) -> float:
    found = [of(a) / of(b) for a, b in pairs if of(b)]
    return _figures(statistics.median(found)) if found else 0.0


def _figures(value: float) -> float:
    """Three significant digits: more is noise."""
    return float(f"{value:.3g}") if abs(value) < 1000 else float(round(value))

"""``python -m tests.hostile --measure``: runs every guest for a while, and writes what was measured into
docs/security.md. Takes about five minutes on a machine that does nothing else; on another one times mean little.

``python -m tests.hostile NAME ...`` runs those whose names begin so, and prints what was seen.
"""

import argparse
import asyncio
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from tests.hostile.arena import Arena, Outcome, open_arena, p99_ms
from tests.hostile.guest_files import GUESTS, LIMITS, Guest

_PAGE = Path(__file__).parent.parent.parent / "docs" / "security.md"
_BEGIN = "<!-- measured: python -m tests.hostile --measure -->"
_END = "<!-- end of measured -->"

_RATE = 200.0
_ALONE_S = 5.0
#: How long each guest is run, at least: the 99th percentile of the neighbour is of so many answers.
_LEAST_S = 1.0
#: The targets of the issue that this suite is of.
_LATE_MS = 100.0
_MORE_MEMORY = 1.1


async def _alone(arena: Arena) -> float:
    """The neighbour's 99th percentile with nobody beside it, in milliseconds."""
    assert arena.neighbour is not None
    arena.neighbour.seconds = []
    async with arena.neighbour.asking():
        await asyncio.sleep(_ALONE_S)
    arena.neighbour.close()
    return p99_ms(arena.neighbour.seconds)


def _faults(guest: Guest, outcome: Outcome, most_ms: float) -> list[str]:
    """What is not as it should be."""
    limit_s = LIMITS[guest.limit].seconds
    late = limit_s is not None and (outcome.seconds - limit_s) * 1e3 > _LATE_MS
    checks = {
        "the process is gone": not outcome.alive,
        "another end": not all(guest.is_end(a.status, a.error, cut=a.cut) for a in outcome.answers),
        "another answer": guest.answer is not None and any(a.text != guest.answer for a in outcome.answers),
        "the log does not say so": guest.log is not None and guest.log not in "\n".join(outcome.log),
        "late": late,
        "memory": outcome.memory_bytes > guest.memory_bytes * _MORE_MEMORY,
        "the neighbour's answers": bool(outcome.wrong),
        "the neighbour's p99": p99_ms(outcome.neighbour_s) > most_ms,
        "machines are left": outcome.machines > 0,
        "sockets are left": outcome.descriptors[0] > 0,
        "the canary was reached": guest.canary is not None and outcome.visits > 0,
    }
    return [what for what, wrong in checks.items() if wrong]


def _row(guest: Guest, outcome: Outcome, faults: list[str]) -> str:
    errors = sorted({f"{a.status} {a.error or ''}{' cut' if a.cut else ''}".strip() for a in outcome.answers})
    cells = (
        f"[{guest.name}](../tests/hostile/guests/{guest.path.name})", guest.attack, LIMITS[guest.limit].shown,
        f"{outcome.seconds * 1e3:.0f}", f"{outcome.memory_bytes / 2**20:.0f} of {guest.memory_bytes >> 20}",
        ", ".join(errors), f"{p99_ms(outcome.neighbour_s):.1f}", ", ".join(faults) or "-",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _machine() -> str:
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, Python {platform.python_version()}"


def _write(rows: list[str], alone_ms: float, most_ms: float, missed: int) -> None:
    table = [
        _BEGIN,
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {_machine()}. The neighbour is asked {_RATE:.0f} times a second; alone its",
        f"p99 is {alone_ms:.1f} ms, and its bound beside a guest (twice that, and 5 ms) {most_ms:.1f} ms."
        f" {len(rows)} guests, {len(rows) - missed} without a miss.",
        "",
        "| guest | attack | limit | took, ms | memory, MB | its caller got | neighbour's p99, ms | missed |",
        "|---|---|---|---|---|---|---|---|",
        *rows,
        _END,
    ]
    text = _PAGE.read_text()
    before, rest = text.split(_BEGIN)
    _PAGE.write_text(before + "\n".join(table) + rest.split(_END)[1])


async def _run(names: list[str], *, measure: bool) -> None:
    chosen = [guest for guest in GUESTS if not names or guest.name.startswith(tuple(names))]
    rows: list[str] = []
    missed = 0
    async with open_arena(_RATE) as arena:
        alone_ms = await _alone(arena)
        most_ms = 2 * alone_ms + 5
        sys.stderr.write(f"alone: p99 {alone_ms:.1f} ms, so at most {most_ms:.1f}\n")
        for guest in chosen:
            outcome = await arena.attack(guest, least_s=_LEAST_S)
            faults = _faults(guest, outcome, most_ms)
            missed += bool(faults)
            rows.append(_row(guest, outcome, faults))
            sys.stderr.write(rows[-1] + "\n")
            if not outcome.alive:
                sys.stderr.write((arena.folder / "stderr").read_text()[-4000:])
                raise SystemExit(1)
    if measure:
        _write(rows, alone_ms, most_ms, missed)
    sys.stderr.write(f"{len(rows)} guests, {missed} missed something\n")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--measure", action="store_true", help="write the table of docs/security.md")
    parser.add_argument("names", nargs="*", help="beginnings of names of guests; all if there are none")
    chosen = parser.parse_args()
    if chosen.measure and chosen.names:
        parser.error("--measure is of all guests")
    uvloop.run(_run(chosen.names, measure=chosen.measure))


if __name__ == "__main__":
    main()

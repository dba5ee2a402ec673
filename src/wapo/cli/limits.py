"""``wapo limits``: lower limits for one program."""

from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from wapo.cli.data import existing, open_records
from wapo.cli.main import checked, run_async
from wapo.cli.options import (
    Budget,
    DataDir,
    Json,
    MaxBurst,
    MaxConcurrency,
    MaxCpu,
    MaxEgress,
    MaxMemory,
    MaxOutgoing,
    MaxRequest,
    MaxResponse,
    MaxTime,
    own_limits,
    settings_of,
)  # fmt: skip
from wapo.cli.output import print_json
from wapo.cli.values import format_amount, format_budget, format_size, format_time
from wapo.node.budgets import announced, ends, used_now
from wapo.node.limits import BUDGETS
from wapo.store.database import Database

__all__ = ["limits"]

#: The option for each limit that can be set, and how its value is written.
_OPTIONS: Final[dict[str, tuple[str, Callable[[Any], str]]]] = {
    "memory_bytes": ("--max-memory", format_size),
    "time_s": ("--max-time", format_time),
    "burst_s": ("--max-burst", format_time),
    "cpu_s": ("--max-cpu", format_time),
    "outgoing": ("--max-outgoing", str),
    "egress_bytes": ("--max-egress", format_size),
    "request_bytes": ("--max-request", format_size),
    "response_bytes": ("--max-response", format_size),
    "concurrency": ("--max-concurrency", str),
}


def limits(
    cid: Annotated[str, typer.Argument(help="The program's CID, or 'local'.", metavar="CID", show_default=False)],
    data_dir: DataDir = None,
    max_memory: MaxMemory = None,
    max_time: MaxTime = None,
    max_burst: MaxBurst = None,
    max_cpu: MaxCpu = None,
    max_outgoing: MaxOutgoing = None,
    max_egress: MaxEgress = None,
    max_request: MaxRequest = None,
    max_response: MaxResponse = None,
    max_concurrency: MaxConcurrency = None,
    budget: Budget = None,
    clear: Annotated[bool, typer.Option("--clear", help="Forget what was set for this program before.")] = False,
    json: Json = False,
) -> None:
    """Show or lower the limits of one program on this node.

    They can only lower the node's own limits; 'unlimited' gives back the node's. Without options, what is set is
    shown, and what is left of its budgets. A running node notices within a few seconds.
    """
    changes = checked(lambda: own_limits(
        memory_bytes=max_memory, time_s=max_time, burst_s=max_burst, cpu_s=max_cpu, outgoing=max_outgoing,
        egress_bytes=max_egress, request_bytes=max_request, response_bytes=max_response, concurrency=max_concurrency,
        **dict(budget or ()),
    ))  # fmt: skip

    async def work() -> None:
        async with open_records(existing(settings_of(data_dir, upstreams=["none"]))) as (database, _, programs):
            identity = await programs.identity_of(cid)
            current = await programs.settings(identity)
            if clear or changes:
                merged = ({} if clear else current) | changes
                current = {name: value for name, value in merged.items() if value is not None}
                await programs.set_limits(identity, current)
            budgets = await _budgets(database, identity, current)
        if json:
            print_json({"program": identity, "limits": current, "budgets": budgets})
        else:
            _show(identity, current, budgets)

    run_async(work)


async def _budgets(database: Database, identity: str, own: dict[str, Any]) -> list[dict[str, Any]]:
    """Those that hold for a program, its own and its node's, and what is left of them."""
    budgets = {name: value for name, value in own.items() if name in BUDGETS}
    limits = (await announced(database)).lowered(budgets)
    used = await used_now(database, identity)
    found = []
    for at, name in enumerate(BUDGETS):
        allowed = getattr(limits, name)
        if allowed is not None:
            so_far = used[at] / 1e6 if name.endswith("_s") else used[at]
            left = max(0, allowed - so_far)
            found.append({"name": name, "allowed": allowed, "used": so_far, "left": left, "until": ends(name)})
    return found


def _show(identity: str, current: dict[str, Any], budgets: list[dict[str, Any]]) -> None:
    rest = {name: value for name, value in current.items() if name not in BUDGETS}
    if not rest and not budgets:
        typer.echo(f"{identity} has the node's limits")
    for name, value in rest.items():
        option, written = _OPTIONS.get(name, (name, str))
        typer.echo(f"{option:18}{written(value)}")
    for budget in budgets:
        name = budget["name"]
        used, left = (format_amount(name, budget[key]) for key in ("used", "left"))
        text = format_budget(name, budget["allowed"])
        typer.echo(f"{'--budget':18}{text}: {used} used, {left} left until {budget['until']}")

"""``wapo limits``: lower limits for one program."""

from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from wapo.cli.data import existing, open_records
from wapo.cli.main import checked, run_async
from wapo.cli.options import (
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
from wapo.cli.values import format_size, format_time

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
    clear: Annotated[bool, typer.Option("--clear", help="Forget what was set for this program before.")] = False,
    json: Json = False,
) -> None:
    """Show or lower the limits of one program on this node.

    They can only lower the node's own limits; 'unlimited' gives back the node's. Without options, what is set is
    shown. A running node notices within a few seconds.
    """
    changes = checked(lambda: own_limits(
        memory_bytes=max_memory, time_s=max_time, burst_s=max_burst, cpu_s=max_cpu, outgoing=max_outgoing,
        egress_bytes=max_egress, request_bytes=max_request, response_bytes=max_response, concurrency=max_concurrency,
    ))  # fmt: skip

    async def work() -> None:
        async with open_records(existing(settings_of(data_dir, upstreams=["none"]))) as (_, _, programs):
            identity = await programs.identity_of(cid)
            current = await programs.settings(identity)
            if clear or changes:
                merged = ({} if clear else current) | changes
                current = {name: value for name, value in merged.items() if value is not None}
                await programs.set_limits(identity, current)
        if json:
            print_json({"program": identity, "limits": current})
        else:
            _show(identity, current)

    run_async(work)


def _show(identity: str, current: dict[str, Any]) -> None:
    if not current:
        typer.echo(f"{identity} has the node's limits")
    for name, value in current.items():
        option, written = _OPTIONS.get(name, (name, str))
        typer.echo(f"{option:18}{written(value)}")

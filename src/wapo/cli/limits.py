"""``wapo limits``: lower limits for one program."""

from typing import Annotated, Any

import typer

from wapo.cli.main import run_async
from wapo.cli.options import DataDir, Json, MaxBurst, MaxMemory, MaxTime, settings_of
from wapo.cli.output import print_json
from wapo.cli.values import size_option
from wapo.content.library import open_library
from wapo.node.limits import AgentLimits
from wapo.node.programs import Programs
from wapo.store.database import Database

__all__ = ["limits"]


def limits(
    cid: Annotated[str, typer.Argument(help="The program's CID.", show_default=False)],
    data_dir: DataDir = None,
    max_memory: MaxMemory = None,
    max_time: MaxTime = None,
    max_burst: MaxBurst = None,
    max_request: Annotated[
        Any, typer.Option("--max-request", parser=size_option, help="Size of one request's body.", metavar="SIZE")
    ] = None,
    max_response: Annotated[
        Any, typer.Option("--max-response", parser=size_option, help="Size of one response's body.", metavar="SIZE")
    ] = None,
    max_concurrency: Annotated[int | None, typer.Option(help="Requests at once.", min=1)] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Forget what was set for this program.")] = False,
    json: Json = False,
) -> None:
    """Show or lower the limits of one program on this node.

    They can only lower the node's own limits. A running node notices within a few seconds.
    """
    given = {
        "memory_bytes": max_memory, "time_s": max_time, "burst_s": max_burst, "request_bytes": max_request,
        "response_bytes": max_response, "concurrency": max_concurrency,
    }  # fmt: skip
    changes = {name: value for name, value in given.items() if value is not None and value != float("inf")}

    async def work() -> None:
        settings = settings_of(data_dir, upstreams=["none"])
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        async with (
            Database(settings.data_dir / "wapo.db") as database,
            open_library(settings.data_dir / "content") as library,
        ):
            programs = Programs(library, database, AgentLimits(), None)
            identity = await programs.identity_of(cid)
            if clear:
                await programs.set_limits(identity, {})
            elif changes:
                await programs.set_limits(identity, await programs.settings(identity) | changes)
            current = await programs.settings(identity)
        if json:
            print_json({"program": identity, "limits": current})
        elif not current:
            typer.echo(f"{identity} has the node's limits")
        else:
            typer.echo("\n".join(f"{name:15} {value:g}" for name, value in current.items()))

    run_async(work)

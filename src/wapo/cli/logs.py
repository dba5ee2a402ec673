"""``wapo logs``: what a program has logged on this node."""

import asyncio
from typing import Annotated

import typer

from wapo.cli.main import run_async
from wapo.cli.options import DataDir, Json, settings_of
from wapo.cli.output import print_json
from wapo.content.library import open_library
from wapo.errors import CallerError
from wapo.gateway.logs import iso_time, text_line
from wapo.node.limits import AgentLimits
from wapo.node.logs import LogRecord, read_records, records_since
from wapo.node.programs import Programs
from wapo.store.database import Database

__all__ = ["logs"]

_POLL_S = 0.5


class NoNode(CallerError):
    """There is no node where one was expected."""

    code = "no_node"


def logs(
    cid: Annotated[str, typer.Argument(help="The program's CID, or 'local'.", show_default=False)],
    data_dir: DataDir = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on, as lines are written.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", help="How many of the newest lines.", min=0, max=10_000)] = 100,
    request: Annotated[str | None, typer.Option("--request", help="Only this request's lines.", metavar="ID")] = None,
    json: Json = False,
) -> None:
    """Print a program's log, the oldest line first."""

    async def work() -> None:
        settings = settings_of(data_dir, upstreams=["none"])
        if not (settings.data_dir / "wapo.db").exists():
            raise NoNode(f"there is no node in {settings.data_dir}")
        async with (
            Database(settings.data_dir / "wapo.db") as database,
            open_library(settings.data_dir / "content") as library,
        ):
            identity = await Programs(library, database, AgentLimits(), None).identity_of(cid)
            last = await records_since(database, identity, None)
            for record in reversed(await read_records(database, identity, limit=limit, request_id=request)):
                _print(record, json)
            while follow:
                await asyncio.sleep(_POLL_S)
                position = last
                last = await records_since(database, identity, position, _printer(request, json))

    run_async(work)


def _printer(request: str | None, json: bool):  # type: ignore[no-untyped-def]
    def show(record: LogRecord) -> None:
        if request is None or record.request_id == request:
            _print(record, json)

    return show


def _print(record: LogRecord, json: bool) -> None:
    if json:
        print_json({
            "request_id": record.request_id, "level": record.level, "message": record.message,
            "created_at": iso_time(record.time_ms),
        })  # fmt: skip
    else:
        typer.echo(text_line(record))

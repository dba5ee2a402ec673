"""``wapo logs``: what a program has logged on this node."""

import asyncio
from typing import Annotated, Final

import typer

from wapo.cli.data import existing, open_records
from wapo.cli.main import run_async
from wapo.cli.options import DataDir, settings_of
from wapo.cli.output import print_json, printable
from wapo.gateway.logs import iso_time, text_line
from wapo.node.logs import LogRecord, read_records, records_since

__all__ = ["logs"]

_POLL_S: Final = 0.5


def logs(
    cid: Annotated[str, typer.Argument(help="The program's CID, or 'local'.", metavar="CID", show_default=False)],
    data_dir: DataDir = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on, as lines are written.")] = False,
    limit: Annotated[
        int,
        typer.Option("--limit", "-n", help="How many of the newest lines.", min=0, max=10_000, metavar="NUMBER"),
    ] = 100,
    request: Annotated[str | None, typer.Option("--request", help="Only this request's lines.", metavar="ID")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print a JSON value a line, for programs.")] = False,
) -> None:
    """Print a program's log, the oldest line first."""
    show = _print_json if json else _print_text

    def show_wanted(record: LogRecord) -> None:
        if request is None or record.request_id == request:
            show(record)

    async def work() -> None:
        async with open_records(existing(settings_of(data_dir, upstreams=["none"]))) as (database, _, programs):
            identity = await programs.identity_of(cid)
            position = await records_since(database, identity, None)
            newest = await read_records(database, identity, limit=limit, request_id=request, up_to=position)
            for record in reversed(newest):
                show(record)
            while follow:
                await asyncio.sleep(_POLL_S)
                position = await records_since(database, identity, position, show_wanted)

    run_async(work)


def _print_json(record: LogRecord) -> None:
    print_json({
        "request_id": record.request_id, "level": record.level, "message": record.message,
        "created_at": iso_time(record.time_ms),
    })  # fmt: skip


def _print_text(record: LogRecord) -> None:
    typer.echo(printable(text_line(record)))

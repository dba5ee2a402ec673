"""``wapo publish``: a file gets its address."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from wapo.cli.main import run_async
from wapo.cli.options import DataDir, Json, MaxBurst, MaxMemory, MaxTime, settings_of
from wapo.cli.output import note, print_json, working
from wapo.content.importer import KUBO, KUBO_V1
from wapo.content.library import open_library
from wapo.content.limits import Limits
from wapo.errors import CallerError
from wapo.node.limits import AgentLimits
from wapo.node.programs import Programs
from wapo.node.settings import NodeSettings
from wapo.store.database import Database

__all__ = ["publish"]


class CannotPublish(CallerError):
    """What was given cannot be a program."""

    code = "cannot_publish"


def publish(
    file: Annotated[Path, typer.Argument(help="A JavaScript file, or a directory.", show_default=False)],
    data_dir: DataDir = None,
    url: Annotated[
        str, typer.Option("--url", envvar="WAPO_URL", help="Where the node answers, for the printed address.")
    ] = "http://127.0.0.1:8000",
    cid_version: Annotated[
        int, typer.Option(help="0: as 'ipfs add'. 1: as 'ipfs add --cid-version=1'.", min=0, max=1)
    ] = 0,
    max_memory: MaxMemory = None,
    max_time: MaxTime = None,
    max_burst: MaxBurst = None,
    json: Json = False,
) -> None:
    """Put a program into this node's store and print its address.

    The address is the hash of the content: the one that 'ipfs add' gives. Limits that are given hold for this program
    on this node, and can only lower the node's own.
    """
    own: dict[str, Any] = {
        name: value
        for name, value in (("memory_bytes", max_memory), ("time_s", max_time), ("burst_s", max_burst))
        if value is not None and value != float("inf")
    }

    async def work() -> None:
        if not file.exists():
            raise CannotPublish(f"{file} does not exist")
        if file.is_file() and file.stat().st_size == 0:
            raise CannotPublish(f"{file} is empty")
        settings = settings_of(data_dir, upstreams=["none"])
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        with working("Publishing"):
            cid = await _publish(settings, file, cid_version, own)
        address = f"{url.rstrip('/')}/ipfs/{cid}"
        _record(cid, address)
        if json:
            print_json({"cid": cid, "url": address})
        else:
            typer.echo(address)
            note(f"cid {cid}")

    run_async(work)


async def _publish(settings: NodeSettings, file: Path, cid_version: int, own: dict[str, Any]) -> str:
    limits = Limits(max_bytes=max(AgentLimits().program_bytes, file.stat().st_size))
    async with open_library(settings.data_dir / "content", limits=limits) as library:
        source = file.read_bytes() if file.is_file() else file
        cid = await library.publish(source, layout=KUBO_V1 if cid_version else KUBO)
        if own and file.is_file():
            async with Database(settings.data_dir / "wapo.db") as database:
                programs = Programs(library, database, AgentLimits(), None)
                await programs.set_limits(str((await library.program(cid)).cid), own)
    return str(cid)


def _record(cid: str, url: str) -> None:
    """``logs/latestDeployment.json``, as the original's tools left it, where a ``logs`` folder is."""
    folder = Path("logs")
    if not folder.is_dir():
        return
    import msgspec

    moment = datetime.now(UTC)
    date = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
    text = msgspec.json.format(msgspec.json.encode({"date": date, "cid": cid, "url": url}), indent=2)
    temporary = folder / f".latestDeployment.{os.getpid()}"
    temporary.write_bytes(text + b"\n")
    temporary.replace(folder / "latestDeployment.json")

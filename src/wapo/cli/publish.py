"""``wapo publish``: a file gets its address."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from wapo.cli.bundle import bundled, is_typescript
from wapo.cli.data import open_records
from wapo.cli.main import checked, run_async
from wapo.cli.options import Budget, DataDir, Json, MaxBurst, MaxMemory, MaxTime, NodeUrl, own_limits, settings_of
from wapo.cli.output import note, print_json, working
from wapo.cli.values import format_size
from wapo.content.importer import KUBO, KUBO_V1
from wapo.errors import CallerError
from wapo.node.limits import AgentLimits
from wapo.node.settings import NodeSettings

__all__ = ["publish"]


class CannotPublish(CallerError):
    """What was given cannot be a program."""

    code = "cannot_publish"


def publish(
    file: Annotated[
        Path,
        typer.Argument(help="A JavaScript or TypeScript file, or a directory.", metavar="FILE", show_default=False),
    ],
    data_dir: DataDir = None,
    url: NodeUrl = "http://127.0.0.1:8000",
    cid_version: Annotated[
        int,
        typer.Option(help="0: as 'ipfs add'. 1: as 'ipfs add --cid-version=1'.", min=0, max=1, metavar="NUMBER"),
    ] = 0,
    max_memory: MaxMemory = None,
    max_time: MaxTime = None,
    max_burst: MaxBurst = None,
    budget: Budget = None,
    json: Json = False,
) -> None:
    """Put a program into this node's store and print its address.

    The address is the hash of the content: the one that 'ipfs add' gives; of a TypeScript file, the content is what it
    and its imports are bundled to. Limits that are given hold for this program
    on this node, and can only lower the node's own.
    """
    own = checked(lambda: own_limits(memory_bytes=max_memory, time_s=max_time, burst_s=max_burst, **dict(budget or ())))

    async def work() -> None:
        source = _read(file)
        if own and isinstance(source, Path):
            raise CannotPublish("limits are for one program: set them with 'wapo limits' for each of the directory's")
        with working("Publishing"):
            cid = await _publish(settings_of(data_dir, upstreams=["none"]), source, cid_version, own)
        address = f"{url.rstrip('/')}/ipfs/{cid}"
        _record(cid, address)
        if json:
            print_json({"cid": cid, "url": address})
        else:
            typer.echo(address)
            note(f"cid {cid}")
        allowed = AgentLimits().program_bytes
        if isinstance(source, bytes) and len(source) > allowed:
            note(
                f"it has {format_size(len(source))}: a node runs it only with --max-program above {format_size(allowed)}"
            )

    run_async(work)


def _read(file: Path) -> bytes | Path:
    """A file's content, or the path of a directory."""
    try:
        if file.is_dir():
            return file
        content = file.read_bytes()
        if content and is_typescript(file):
            return bundled(file)
    except FileNotFoundError:
        raise CannotPublish(f"{file} does not exist") from None
    except OSError as error:
        raise CannotPublish(f"{file} cannot be read: {error.strerror}") from None
    if not content:
        raise CannotPublish(f"{file} is empty")
    return content


async def _publish(settings: NodeSettings, source: bytes | Path, cid_version: int, own: dict[str, Any]) -> str:
    async with open_records(settings) as (_, library, programs):
        cid = await library.publish(source, layout=KUBO_V1 if cid_version else KUBO)
        if own:
            identity = str(cid.v1())
            changed = await programs.settings(identity) | own
            await programs.set_limits(identity, {name: value for name, value in changed.items() if value is not None})
    return str(cid)


def _record(cid: str, url: str) -> None:
    """``logs/latestDeployment.json``, as the original's tools left it, where a ``logs`` folder is."""
    folder = Path("logs")
    if not folder.is_dir():
        return
    moment = datetime.now(UTC)
    date = f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
    text = msgspec.json.format(msgspec.json.encode({"date": date, "cid": cid, "url": url}), indent=2)
    temporary = folder / f".latestDeployment.{os.getpid()}"
    try:
        temporary.write_bytes(text + b"\n")
        temporary.replace(folder / "latestDeployment.json")
    except OSError as error:
        note(f"{folder}/latestDeployment.json was not written: {error.strerror}")

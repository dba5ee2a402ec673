"""``wapo inspect``: what a program is to this node, and why."""

from pathlib import Path
from typing import Annotated, Any

import typer

from wapo.agents.image import ImageKind
from wapo.cli.main import run_async
from wapo.cli.options import DataDir, Json, Upstreams, settings_of
from wapo.cli.output import print_json, printable, working
from wapo.content.cid import Cid
from wapo.content.errors import InvalidCid
from wapo.errors import CallerError
from wapo.node.node import open_node

__all__ = ["inspect"]


class CannotInspect(CallerError):
    """What was given is neither a file nor a CID."""

    code = "cannot_inspect"


def inspect(
    program: Annotated[
        str, typer.Argument(help="A CID (with a path, if need be), or a file.", metavar="PROGRAM", show_default=False)
    ],
    data_dir: DataDir = None,
    upstream: Upstreams = None,
    json: Json = False,
) -> None:
    """Say which convention a program follows, which image it got, and why.

    An initialised image holds the program after its top level has run; a compiled one starts it anew for each request.
    """

    async def work() -> int:
        file = Path(program)
        local = file if file.is_file() else None
        address = program.removeprefix("/").removeprefix("ipfs/")
        if local is None:
            _check(program, address)
        settings = settings_of(data_dir, upstreams=upstream, local_file=local)
        with working("Loading"):
            async with open_node(settings) as node:
                if local is not None:
                    located = node.programs.local()
                else:
                    cid, _, rest = address.partition("/")
                    located = await node.programs.locate(cid, tuple(rest.split("/")) if rest else ())
                image = await node.inspect(located)
                limits = await node.programs.limits(located.identity)
                size = len(await node.programs.source(located))
                report = {
                    "program": located.identity, "size": size, "convention": image.convention,
                    "image": image.kind.value, "reason": image.reason, "touched": sorted(image.touched),
                    "image_bytes": image.stored_bytes, "error": image.error,
                    "limits": {
                        "memory_bytes": limits.memory_bytes, "time_s": limits.time_s, "burst_s": limits.burst_s,
                    },
                }  # fmt: skip
                broken = image.kind is ImageKind.BROKEN
        if json:
            print_json(report)
        else:
            _show(report, program if local is not None else located.identity)
        return 1 if broken else 0

    run_async(work)


def _check(program: str, address: str) -> None:
    """Tells a mistyped file name from a mistyped CID."""
    if Path(program).is_dir():
        raise CannotInspect(f"{program} is a directory; name a file of it, or its CID with the path to one")
    try:
        Cid.parse(address.partition("/")[0])
    except InvalidCid as error:
        if "." in program or "/" in program:
            raise CannotInspect(f"{program} is not a file that exists, and no CID") from None
        raise error


def _show(report: dict[str, Any], name: str) -> None:
    typer.echo(f"program     {name} ({report['size']} bytes)")
    typer.echo(f"convention  {report['convention']}")
    typer.echo(f"image       {report['image']}: {report['reason']}")
    if report["error"]:
        typer.echo(f"error       {printable(report['error'])}")

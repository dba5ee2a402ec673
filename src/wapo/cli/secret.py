"""``wapo secret``: secrets that only one program gets."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from wapo.cli.main import run_async
from wapo.cli.options import DataDir, Json, settings_of
from wapo.cli.output import note, print_json
from wapo.content.library import open_library
from wapo.errors import CallerError
from wapo.node.limits import AgentLimits
from wapo.node.programs import Programs
from wapo.node.vaults import Vaults
from wapo.store.database import Database
from wapo.trust.keys import NodeKeys

__all__ = ["app"]

app = typer.Typer(help="Secrets that only one program gets.", no_args_is_help=True, add_completion=False)


class InvalidSecret(CallerError):
    """The secret that was given cannot be read."""

    code = "invalid_secret"


@app.command("set")
def set_(
    cid: Annotated[str, typer.Argument(help="The program's CID, or 'local'.", show_default=False)],
    pairs: Annotated[list[str] | None, typer.Argument(help="NAME=VALUE, any number.", show_default=False)] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="A JSON object with the secret; - reads stdin.", metavar="FILE")
    ] = None,
    inherit: Annotated[str | None, typer.Option(help="Key of an item to inherit from.", metavar="KEY")] = None,
    inherit_token: Annotated[str | None, typer.Option(help="That item's token.", metavar="TOKEN")] = None,
    url: Annotated[
        str, typer.Option("--url", envvar="WAPO_URL", help="Where the node answers.")
    ] = "http://127.0.0.1:8000",
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Store a secret for a program.

    The printed key goes into the agent's URL as ?key=...; the token reads the secret back, and cannot be asked for
    again. Values given as NAME=VALUE are seen in the process list; --file - is not.
    """

    async def work() -> None:
        data = _data(pairs or [], file)
        settings = settings_of(data_dir, upstreams=["none"])
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        keys = NodeKeys.load_or_create(settings.data_dir / "node.key")
        async with (
            Database(settings.data_dir / "wapo.db") as database,
            open_library(settings.data_dir / "content") as library,
        ):
            identity = await Programs(library, database, AgentLimits(), None).identity_of(cid)
            receipt = await Vaults(database, keys).create(identity, data, inherit, inherit_token)
        route = "local" if identity == "local" else f"ipfs/{cid.removeprefix('ipfs/')}"
        address = f"{url.rstrip('/')}/{route}?key={receipt.key}"
        if json:
            print_json({"token": receipt.token, "key": receipt.key, "url": address})
        else:
            typer.echo(f"key    {receipt.key}\ntoken  {receipt.token}\nurl    {address}")
            note("keep the token: it is not stored")

    run_async(work)


def _data(pairs: list[str], file: Path | None) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if file is not None:
        try:
            text = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
            value = msgspec.json.decode(text)
        except OSError as error:
            raise InvalidSecret(f"{file} cannot be read: {error.strerror}") from None
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InvalidSecret(f"{file} is not JSON: {error}") from None
        if not isinstance(value, dict):
            raise InvalidSecret(f"{file} must hold a JSON object")
        data.update(value)
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise InvalidSecret(f"{pair!r} is not NAME=VALUE")
        data[name] = value
    if not data:
        raise InvalidSecret("no secret was given; write NAME=VALUE, or --file")
    return data


@app.command("get")
def get(
    key: Annotated[str, typer.Argument(help="The item's key.", show_default=False)],
    token: Annotated[str, typer.Argument(help="The item's token.", show_default=False)],
    data_dir: DataDir = None,
) -> None:
    """Read a secret back, as JSON."""

    async def work() -> None:
        settings = settings_of(data_dir, upstreams=["none"])
        if not (settings.data_dir / "node.key").exists():
            raise InvalidSecret(f"there is no node in {settings.data_dir}")
        keys = NodeKeys.load_or_create(settings.data_dir / "node.key")
        async with Database(settings.data_dir / "wapo.db") as database:
            item = await Vaults(database, keys).read(key, token)
        print_json(item.data)

    run_async(work)

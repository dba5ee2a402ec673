"""``wapo secret``: secrets that only one program gets, and credentials that it uses and never sees."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from wapo.cli.data import existing, open_records
from wapo.cli.main import checked, run_async
from wapo.cli.options import DataDir, Json, NodeUrl, settings_of
from wapo.cli.output import note, print_json, printable
from wapo.errors import CallerError
from wapo.node.keys import open_keys
from wapo.node.programs import LOCAL
from wapo.node.vaults import Vaults

__all__ = ["app"]

app = typer.Typer(
    help="Secrets that only one program gets.", no_args_is_help=True, add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


class InvalidSecret(CallerError):
    """The secret that was given cannot be read."""

    code = "invalid_secret"


@app.command("set")
def set_(
    cid: Annotated[str, typer.Argument(help="The program's CID, or 'local'.", metavar="CID", show_default=False)],
    pairs: Annotated[
        list[str] | None,
        typer.Argument(help="Members of the secret, any number.", metavar="NAME=VALUE", show_default=False),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="A JSON object with the secret; - reads stdin.", metavar="FILE")
    ] = None,
    credential: Annotated[
        str | None,
        typer.Option(
            help="Name of a credential: the node puts it on requests, and the program never sees it.", metavar="NAME"
        ),
    ] = None,
    host: Annotated[
        list[str] | None,
        typer.Option(help="A host that the credential is sent to, over https only. Repeatable.", metavar="NAME[:PORT]"),
    ] = None,
    header: Annotated[
        list[str] | None,
        typer.Option(help="A header that it is, as 'Authorization: Bearer ...'. Repeatable.", metavar="'NAME: VALUE'"),
    ] = None,
    query: Annotated[
        list[str] | None,
        typer.Option(help="A query parameter that it is. Repeatable.", metavar="NAME=VALUE"),
    ] = None,
    credentials: Annotated[
        Path | None,
        typer.Option(help="A JSON object with any number of credentials, by name; - reads stdin.", metavar="FILE"),
    ] = None,
    inherit: Annotated[str | None, typer.Option(help="Key of an item to inherit from.", metavar="KEY")] = None,
    inherit_token: Annotated[str | None, typer.Option(help="That item's token.", metavar="TOKEN")] = None,
    url: NodeUrl = "http://127.0.0.1:8000",
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Store a secret for a program.

    The printed key goes into the agent's URL as ?key=...; the token reads the secret back (but no credential), and
    cannot be asked for again. Values given as arguments are seen in the process list; --file - and --credentials - are
    not.
    """
    members = checked(lambda: dict(map(_pair, pairs or ())))
    hidden = checked(lambda: _credential(credential, host or [], header or [], query or []))

    async def work() -> None:
        data = (_members_of(file) if file is not None else {}) | members
        given = (_members_of(credentials) if credentials is not None else {}) | hidden
        if not data and not given:
            raise InvalidSecret("no secret was given; write NAME=VALUE, --file or --credential")
        settings = settings_of(data_dir, upstreams=["none"])
        async with open_records(settings) as (database, _, programs):
            keys = await open_keys(settings.data_dir, database)
            identity = await programs.identity_of(cid)
            receipt = await Vaults(database, keys).create(
                identity, data, inherit, inherit_token, credentials=given or None
            )
        path = cid.removeprefix("/").removeprefix("ipfs/")
        route = LOCAL if identity == LOCAL else f"ipfs/{path}"
        address = f"{url.rstrip('/')}/{route}?key={receipt.key}"
        if json:
            print_json({"token": receipt.token, "key": receipt.key, "url": address})
        else:
            typer.echo(f"key    {receipt.key}\ntoken  {receipt.token}\nurl    {address}")
            note("keep the token: it is not stored")

    run_async(work)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        # It may be a secret without its name: it is not repeated.
        raise InvalidSecret("a member of the secret is not NAME=VALUE")
    return name, value


def _credential(name: str | None, hosts: list[str], headers: list[str], query: list[str]) -> dict[str, Any]:
    if name is None:
        if hosts or headers or query:
            raise InvalidSecret("--host, --header and --query belong to a --credential NAME")
        return {}
    fields = [text.partition(":") for text in headers]
    if not all(field.strip() and colon for field, colon, _ in fields):
        raise InvalidSecret("a --header is not 'NAME: VALUE'")  # it is not repeated, either
    value: dict[str, Any] = {"hosts": hosts}
    if headers:
        value["headers"] = {field.strip(): text.strip() for field, _, text in fields}
    if query:
        value["query"] = dict(map(_pair, query))
    return {name: value}


def _members_of(file: Path) -> dict[str, Any]:
    name = "stdin" if str(file) == "-" else str(file)
    try:
        value = msgspec.json.decode(sys.stdin.buffer.read() if name == "stdin" else file.read_bytes())
    except OSError as error:
        raise InvalidSecret(f"{name} cannot be read: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidSecret(f"{name} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidSecret(f"{name} must hold a JSON object")
    return value


@app.command("get")
def get(
    key: Annotated[str, typer.Argument(help="The item's key.", metavar="KEY", show_default=False)],
    token: Annotated[str, typer.Argument(help="The item's token.", metavar="TOKEN", show_default=False)],
    data_dir: DataDir = None,
) -> None:
    """Read a secret back, as JSON."""

    async def work() -> None:
        settings = existing(settings_of(data_dir, upstreams=["none"]))
        async with open_records(settings) as (database, _, _):
            keys = await open_keys(settings.data_dir, database)
            item = await Vaults(database, keys).read(key, token)
        print_json(item.data)

    run_async(work)


@app.command("list")
def list_(
    cid: Annotated[str, typer.Argument(help="The program's CID, or 'local'.", metavar="CID", show_default=False)],
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """List a program's secrets: what they are called, and never what they are."""

    async def work() -> None:
        settings = existing(settings_of(data_dir, upstreams=["none"]))
        async with open_records(settings) as (database, _, programs):
            keys = await open_keys(settings.data_dir, database)
            found = await Vaults(database, keys).summaries(await programs.identity_of(cid))
        if json:
            print_json(found)
            return
        for item in found:
            made = datetime.fromtimestamp(item.created_ms / 1000, UTC)
            parts = [*item.members, *(f"{name} (to {', '.join(it['hosts'])})" for name, it in item.credentials.items())]
            typer.echo(f"{item.key}  {made:%Y-%m-%d %H:%M}  {printable(', '.join(parts))}")

    run_async(work)


@app.command("remove")
def remove(
    key: Annotated[str, typer.Argument(help="The item's key.", metavar="KEY", show_default=False)],
    data_dir: DataDir = None,
) -> None:
    """Remove a secret. Programs that run keep it until they end; the node delivers it no more after four seconds.

    Items that inherit from it keep what they have inherited.
    """

    async def work() -> None:
        settings = existing(settings_of(data_dir, upstreams=["none"]))
        async with open_records(settings) as (database, _, _):
            keys = await open_keys(settings.data_dir, database)
            await Vaults(database, keys).remove(key, None)

    run_async(work)

"""``wapo keys``: the node's identity, and changing it."""

from datetime import UTC, datetime
from typing import Any

import typer

from wapo.cli.data import existing, open_records
from wapo.cli.main import run_async
from wapo.cli.options import DataDir, Json, settings_of
from wapo.cli.output import note, print_json
from wapo.node.identities import Generation, Identities, rotate
from wapo.node.keys import open_keys
from wapo.node.settings import NodeSettings
from wapo.store.database import Database

__all__ = ["app"]

app = typer.Typer(
    help="The keys that others know this node by.", no_args_is_help=True, add_completion=False,
    rich_markup_mode="rich", context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip


@app.command("show")
def show(data_dir: DataDir = None, json: Json = False) -> None:
    """Print the public keys of all generations, the one that signs now first.

    The same is at /.well-known/jwks.json of a node that runs. Secret keys are never printed: they are derived from the
    file node.key, which is all that has to be kept.
    """

    async def work() -> None:
        settings = existing(settings_of(data_dir, upstreams=["none"]))
        async with open_records(settings) as (database, _, _):
            _print(await _loaded(settings, database), json=json)

    run_async(work)


@app.command("rotate")
def rotate_(data_dir: DataDir = None, json: Json = False) -> None:
    """Begin a new generation: other keys sign and are encrypted to from now on.

    What was signed before still verifies. Vaults, secrets that agents derive, and the root key are not touched. A running
    node notices within a few seconds.
    """

    async def work() -> None:
        settings = existing(settings_of(data_dir, upstreams=["none"]))
        async with open_records(settings) as (database, _, _):
            await _loaded(settings, database)
            await rotate(database)
            _print(await _loaded(settings, database), json=json)
        note("a running node takes it over within a few seconds")

    run_async(work)


async def _loaded(settings: NodeSettings, database: Database) -> list[Generation]:
    identities = Identities(await open_keys(settings.data_dir, database), database)
    await identities.load()
    return identities.all[::-1]


def _print(generations: list[Generation], *, json: bool) -> None:
    if json:
        print_json([_described(one) for one in generations])
        return
    for one in generations:
        until = "now" if one.until_s is None else _time(one.until_s)
        typer.echo(
            f"generation {one.identity.generation}  from {_time(one.from_s)} until {until}\n"
            f"  key         {one.identity.key_id}\n"
            f"  ed25519     {one.identity.public.hex()}\n"
            f"  x25519      {one.identity.agreement_public.hex()}"
        )


def _described(one: Generation) -> dict[str, Any]:
    identity = one.identity
    return {
        "generation": identity.generation, "key": identity.key_id, "ed25519": identity.public.hex(),
        "x25519": identity.agreement_public.hex(), "from": one.from_s, "until": one.until_s,
    }  # fmt: skip


def _time(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"

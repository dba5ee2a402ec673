"""``wapo backup``: all that a node knows, in one file."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from wapo.cli.data import existing
from wapo.cli.main import checked, run_async
from wapo.cli.options import DataDir, Json, PassphraseFile, passphrase_of, settings_of
from wapo.cli.output import note, print_json, working
from wapo.cli.values import format_size
from wapo.node.archive import NODE_KEY
from wapo.node.backup import back_up, file_name

__all__ = ["backup"]


def backup(
    target: Annotated[
        Path,
        typer.Argument(
            help="A new file; or a directory, for a file with the time in its name.",
            metavar="FILE|DIR",
            show_default=False,
        ),
    ],
    data_dir: DataDir = None,
    passphrase_file: PassphraseFile = None,
    json: Json = False,
) -> None:
    """Copy all that a node knows into one file, while it runs.

    The node's key stays out of it: without that key nobody opens the secrets in a backup, so keep a copy of the key
    somewhere else. With --passphrase-file the key goes into the backup, encrypted. 'wapo restore' brings a backup back;
    'wapo restore --check' looks whether it is good.
    """
    passphrase = checked(lambda: passphrase_of(passphrase_file))

    async def work() -> int:
        settings = existing(settings_of(data_dir, upstreams=["none"]))
        file = target / file_name() if target.is_dir() else target
        with working("Backing up"):
            done = await asyncio.to_thread(back_up, settings.data_dir, file, passphrase)
        if json:
            print_json({
                "file": str(file), "bytes": done.size, "files": done.files, "key": done.key, "damaged": done.damaged,
            })  # fmt: skip
        else:
            typer.echo(str(file))
            note(f"{done.files} files, {format_size(done.size)}")
        if done.key_needed and not done.key:
            note(
                f"the node's key is not in it: keep a copy of {settings.data_dir / NODE_KEY} somewhere else, "
                "nothing sealed can be opened without it"
            )
        for name in done.damaged:
            note(f"damaged on the disk, and left out: {name}")
        return 1 if done.damaged else 0

    run_async(work)

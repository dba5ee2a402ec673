"""``wapo restore``: a node's directory from a backup."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from wapo.cli.main import checked, run_async
from wapo.cli.options import DataDir, Json, PassphraseFile, passphrase_of, settings_of
from wapo.cli.output import note, print_json, working
from wapo.cli.values import format_size
from wapo.errors import CallerError
from wapo.node.restore import check_backup
from wapo.node.restore import restore as restore_backup

__all__ = ["restore"]

_MOST_KEY_BYTES = 4096


class UnreadableKey(CallerError):
    """The file of ``--key`` cannot be read."""

    code = "unreadable_key"


def restore(
    archive: Annotated[Path, typer.Argument(help="What 'wapo backup' wrote.", metavar="FILE", show_default=False)],
    data_dir: DataDir = None,
    passphrase_file: PassphraseFile = None,
    key: Annotated[
        Path | None,
        typer.Option("--key", help="A copy of the node's key, where it is not in the backup.", metavar="FILE"),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only look whether the backup is good.")] = False,
    json: Json = False,
) -> None:
    """Make a node's directory from a backup, or check one.

    The directory must be empty or new; it is there whole, or as it was. Everything is compared with the sums in the
    backup first. With --check nothing is written; the key is checked, too, if it is given.
    """
    passphrase = checked(lambda: passphrase_of(passphrase_file))
    key_bytes = checked(lambda: _key_of(key))

    async def work() -> None:
        settings = settings_of(data_dir, upstreams=["none"])
        with working("Checking" if check else "Restoring"):
            if check:
                done = await asyncio.to_thread(check_backup, archive, passphrase=passphrase, key=key_bytes)
            else:
                done = await asyncio.to_thread(
                    restore_backup, archive, settings.data_dir, passphrase=passphrase, key=key_bytes
                )
        about = done.about
        if json:
            print_json({
                "created": about.created, "wapo": about.wapo, "files": done.files, "bytes": done.size,
                "key": about.key, "key_id": about.key_id, "key_checked": done.key_checked,
                "restored": None if check else str(settings.data_dir),
            })  # fmt: skip
            return
        typer.echo("the backup is good" if check else str(settings.data_dir))
        note(f"{done.files} files, {format_size(done.size)}, of {about.created}, by wapo {about.wapo}")
        if check and about.key_id is not None and not done.key_checked:
            where = "in it, under a passphrase" if about.key else "not in it"
            note(f"the node's key is {where}, and was not checked; its id is {about.key_id}")

    run_async(work)


def _key_of(file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        with file.open("rb") as opened:
            return opened.read(_MOST_KEY_BYTES)
    except OSError as error:
        raise UnreadableKey(f"the key in {file} cannot be read: {error.strerror}") from None

"""kill -9 at any moment of writing: the store opens, and everything that was acknowledged is there."""

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import msgspec

from tests.node.data import DAMAGED
from wapo.content.cid import Cid
from wapo.content.library import open_library
from wapo.node.keys import open_keys
from wapo.node.limits import AgentLimits
from wapo.node.logs import LogBook
from wapo.node.programs import Programs
from wapo.node.restore import check_backup
from wapo.node.vaults import Vaults
from wapo.store.database import Database

LIVES = 6


def live(folder: Path, writes: int) -> list[list[str]]:
    """Lets a process acknowledge that many writes and kills it in the middle of the next ones; what it said."""
    said: list[list[str]] = []
    command = [sys.executable, "-m", "tests.node.killed", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            said.append(msgspec.json.decode(line))
            if len(said) == writes:
                process.kill()  # what is still in the pipe was acknowledged, too
    assert process.returncode == -9, said
    return said


async def look(folder: Path, said: list[list[str]]) -> None:
    async with Database(folder / "wapo.db") as database, open_library(folder / "content") as library:
        await database.check()
        vaults = Vaults(database, await open_keys(folder, database))
        logged = {record.message for record in await LogBook(database).read("p", limit=100_000)}
        assert DAMAGED not in logged
        pinned = {pin.cid for pin in await library.pinned()}
        for kind, *what in said:
            if kind == "secret":
                assert (await vaults.read(what[0], what[1])).data == {"text": what[2]}
            elif kind == "content":
                assert Cid.parse(what[0]) in pinned
            elif kind == "log":
                assert what[0] in logged
            elif kind == "backup":
                check_backup(Path(what[0]))
        for cid in pinned:  # the last one may not have been acknowledged: it is whole all the same
            assert (await library.program(cid)).size == 400_000
        possible = {"None"}  # what was acknowledged last, and what was begun since, in however many lives
        for kind, *what in said:
            possible = {what[0]} if kind == "set" else possible | {what[0]} if kind == "setting" else possible
        found = await Programs(library, database, AgentLimits(), None).settings("p")
        assert str(found.get("time_s")) in possible


async def test_what_was_acknowledged_outlives_the_process(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    folder.mkdir(mode=0o700)
    choose = random.Random(seed := random.randrange(1 << 30))
    sys.stderr.write(f"seed {seed}\n")
    said: list[list[str]] = []
    for _ in range(LIVES):
        said += await asyncio.to_thread(live, folder, choose.randrange(1, 60))
        await look(folder, said)
    assert {"secret", "content", "log", "set"} <= {kind for kind, *_ in said}

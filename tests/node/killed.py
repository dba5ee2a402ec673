"""A process that is going to be killed: it writes what it can, and says so when it is acknowledged.

python -m tests.node.killed DIR
"""

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from wapo.content.library import open_library
from wapo.node.backup import back_up
from wapo.node.keys import open_keys
from wapo.node.limits import AgentLimits
from wapo.node.logs import LogBook
from wapo.node.programs import Programs
from wapo.node.vaults import Vaults
from wapo.store.database import Database


def acknowledge(kind: str, *what: str) -> None:
    """One write, so it is seen whole or not at all."""
    os.write(1, msgspec.json.encode([kind, *what]) + b"\n")


async def main(folder: Path) -> None:
    async with Database(folder / "wapo.db") as database, open_library(folder / "content") as library:
        vaults = Vaults(database, await open_keys(folder, database))
        programs = Programs(library, database, AgentLimits(), None)
        book = LogBook(database)

        async def secrets() -> None:
            while True:
                text = os.urandom(8).hex()
                receipt = await vaults.create("p", {"text": text})
                acknowledge("secret", receipt.key, receipt.token, text)

        async def content() -> None:
            while True:
                content = os.urandom(400_000)
                acknowledge("content", str(await library.publish(content)))

        async def logs() -> None:
            while True:
                request = os.urandom(8).hex()
                log = book.open("p", request, 1 << 20)
                log.add(3, request)
                log.close()
                await book.flush()
                acknowledge("log", request)

        async def limits() -> None:
            while True:
                seconds = int.from_bytes(os.urandom(1), "big") % 50 + 1
                acknowledge("setting", str(seconds))
                await programs.set_limits("p", {"time_s": seconds})
                acknowledge("set", str(seconds))

        async def backups() -> None:
            while True:
                path = folder.with_name(f"{os.urandom(8).hex()}.tar")
                await asyncio.to_thread(back_up, folder, path)
                acknowledge("backup", str(path))

        await asyncio.gather(book.run(), secrets(), content(), logs(), limits(), backups())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

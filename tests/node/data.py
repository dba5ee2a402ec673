"""A node's data, made without a node: secrets, content, an app, its program and boot data, logs, limits."""

import asyncio
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from wapo.abi.manifest import Manifest
from wapo.content.cid import Cid
from wapo.content.library import open_library
from wapo.node.apps.blobs import BlobName, BlobStore
from wapo.node.apps.boot_data import BootDataStore
from wapo.node.apps.records import AppRecord, AppRecords
from wapo.node.apps.usage import Usage
from wapo.node.keys import open_keys
from wapo.node.limits import AgentLimits
from wapo.node.logs import LogBook
from wapo.node.programs import Programs
from wapo.node.vaults import Vaults
from wapo.store.database import Database
from wapo.trust.worker_key import WorkerKey

SECRET = {"apiKey": "do-not-find-me-in-a-backup"}
SOURCE = b"export default { fetch: () => new Response('kept') };" * 10_000  # several blocks
DAMAGED = "1 log lines were here; they were damaged on the node's disk"
CODE = b"\0asm\1\0\0\0"


@dataclass(frozen=True)
class Known:
    """What whoever made it remembers."""

    cid: Cid
    vault_key: str
    vault_token: str
    app: bytes
    blob: BlobName
    boot_data: bytes


async def fill(folder: Path) -> Known:
    """Makes them in ``folder``."""
    folder.mkdir(mode=0o700, exist_ok=True)
    async with Database(folder / "wapo.db") as database, open_library(folder / "content") as library:
        keys = await open_keys(folder, database)
        cid = await library.publish(SOURCE)
        receipt = await Vaults(database, keys).create(str(cid.v1()), SECRET)
        await Programs(library, database, AgentLimits(), None).set_limits(str(cid.v1()), {"time_s": 5})
        blobs = BlobStore(folder / "blobs")
        blob = blobs.put(BlobName.parse("", partial=True), CODE)
        manifest = Manifest(code_hash=str(blob), label="kept")
        await AppRecords(database).insert(
            AppRecord(manifest.address(), 3, secrets.token_bytes(32), manifest, True, 1, Usage(starts=2))
        )
        worker = WorkerKey.load_or_create(folder / "worker.key", keys)
        boot_data = secrets.token_bytes(500)
        await BootDataStore(blobs.folder, worker).write(manifest.address(), boot_data)
        book = LogBook(database)
        writer = asyncio.create_task(book.run())
        log = book.open(str(cid.v1()), "request", 1 << 20)
        log.add(3, "a line")
        log.close()
        await book.flush()
        writer.cancel()
    return Known(cid, receipt.key, receipt.token, manifest.address(), blob, boot_data)


async def look(folder: Path, known: Known) -> None:
    """Everything is there, and is what it was."""
    identity = str(known.cid.v1())
    async with Database(folder / "wapo.db") as database, open_library(folder / "content") as library:
        await database.check()
        keys = await open_keys(folder, database)
        assert (await library.program(known.cid)).read() == SOURCE
        assert [pin.cid for pin in await library.pinned()] == [known.cid]
        vaults = Vaults(database, keys)
        assert (await vaults.read(known.vault_key, known.vault_token)).data == SECRET
        secret: Any = msgspec.json.decode((await vaults.delivery(identity, known.vault_key)).secret)
        assert secret == SECRET
        assert await Programs(library, database, AgentLimits(), None).settings(identity) == {"time_s": 5}
        [record] = await AppRecords(database).load()
        assert (record.address, record.number, record.target, record.usage) == (known.app, 3, 1, Usage(starts=2))
        blobs = BlobStore(folder / "blobs")
        assert blobs.read(known.blob) == CODE
        worker = WorkerKey.load_or_create(folder / "worker.key", keys)
        assert await BootDataStore(blobs.folder, worker).read(known.app) == known.boot_data
        records = await LogBook(database).read(identity)
        assert [record.message for record in records] in (["a line"], [DAMAGED], [])  # damage may hide a line

"""What of the worker survives a restart: the apps that are deployed, their usage, the session."""

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update

from wapo.abi.manifest import Manifest
from wapo.node.apps.usage import Usage
from wapo.store.checksums import checked, summed
from wapo.store.connections import AsyncConnection
from wapo.store.database import Database
from wapo.store.schema import apps, worker_state

__all__ = ["AppRecord", "AppRecords"]


@dataclass(frozen=True, slots=True)
class AppRecord:
    """An app as it was deployed.

    Attributes:
        address: 32 bytes.
        number: its serial number on this node.
        session: 32 random bytes, others at each deployment.
        target: how many instances are wanted.
        usage: of instances that have ended.
    """

    address: bytes
    number: int
    session: bytes
    manifest: Manifest
    reuse_instances: bool
    target: int
    usage: Usage


class AppRecords:
    """The worker's tables. What returns is durable.

    Raises (every method):
        StoreFailed: the database does not take it.
        StoreDamaged: what was read is not what was written.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self) -> list[AppRecord]:
        """All apps, by number."""
        async with self._database.reading() as connection:
            rows = (await connection.execute(select(apps).order_by(apps.c.number))).mappings().all()
        return [
            AppRecord(
                bytes.fromhex(row["address"]), row["number"], row["session"], Manifest.decode(row["manifest"]),
                row["reuse_instances"], row["target"], Usage.from_json(row["usage"]),
            )
            for row in (checked(apps, row) for row in rows)
        ]  # fmt: skip

    async def insert(self, record: AppRecord) -> None:
        """A new app."""
        row = {
            "address": record.address.hex(), "number": record.number, "session": record.session,
            "manifest": record.manifest.encode(), "reuse_instances": record.reuse_instances,
            "target": record.target, "usage": record.usage.to_json(),
        }  # fmt: skip
        async with self._database.writing() as connection:
            await connection.execute(insert(apps).values(summed(row)))

    async def set_target(self, address: bytes, target: int) -> None:
        """An unknown app is passed over."""
        async with self._database.writing() as connection:
            await _change(connection, address, target=target)

    async def set_usage(self, usages: dict[bytes, Usage]) -> None:
        """Of several apps at once; unknown ones are passed over."""
        async with self._database.writing() as connection:
            for address, usage in usages.items():
                await _change(connection, address, usage=usage.to_json())

    async def delete(self, address: bytes) -> None:
        async with self._database.writing() as connection:
            await connection.execute(delete(apps).where(apps.c.address == address.hex()))

    async def delete_all(self) -> None:
        async with self._database.writing() as connection:
            await connection.execute(delete(apps))

    async def state(self, name: str) -> Any:
        """What was kept under a name; None if nothing was."""
        async with self._database.reading() as connection:
            query = select(worker_state).where(worker_state.c.name == name)
            row = (await connection.execute(query)).mappings().first()
        return msgspec.json.decode(checked(worker_state, row)["value"]) if row is not None else None

    async def set_state(self, name: str, value: Any) -> None:
        """Keeps a JSON value under a name."""
        row = summed({"name": name, "value": msgspec.json.encode(value).decode()})
        async with self._database.writing() as connection:
            await connection.execute(delete(worker_state).where(worker_state.c.name == name))
            await connection.execute(insert(worker_state).values(row))


async def _change(connection: AsyncConnection, address: bytes, **values: Any) -> None:
    mine = apps.c.address == address.hex()
    row = (await connection.execute(select(apps).where(mine))).mappings().first()
    if row is not None:
        await connection.execute(update(apps).where(mine).values(summed(checked(apps, row) | values)))

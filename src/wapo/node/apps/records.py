"""What of the worker survives a restart: the apps that are deployed, their usage, the session."""

from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select, update

from wapo.abi.manifest import Manifest
from wapo.node.apps.usage import Usage
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
            for row in rows
        ]  # fmt: skip

    async def insert(self, record: AppRecord) -> None:
        """A new app."""
        row = {
            "address": record.address.hex(), "number": record.number, "session": record.session,
            "manifest": record.manifest.encode(), "reuse_instances": record.reuse_instances,
            "target": record.target, "usage": record.usage.to_json(),
        }  # fmt: skip
        async with self._database.writing() as connection:
            await connection.execute(insert(apps).values(row))

    async def set_target(self, address: bytes, target: int) -> None:
        async with self._database.writing() as connection:
            await connection.execute(update(apps).where(apps.c.address == address.hex()).values(target=target))

    async def set_usage(self, usages: dict[bytes, Usage]) -> None:
        """Of several apps at once; unknown ones are passed over."""
        async with self._database.writing() as connection:
            for address, usage in usages.items():
                await connection.execute(
                    update(apps).where(apps.c.address == address.hex()).values(usage=usage.to_json())
                )

    async def delete(self, address: bytes) -> None:
        async with self._database.writing() as connection:
            await connection.execute(delete(apps).where(apps.c.address == address.hex()))

    async def delete_all(self) -> None:
        async with self._database.writing() as connection:
            await connection.execute(delete(apps))

    async def state(self, name: str) -> Any:
        """What was kept under a name; None if nothing was."""
        async with self._database.reading() as connection:
            text = (await connection.execute(select(worker_state.c.value).where(worker_state.c.name == name))).scalar()
        return msgspec.json.decode(text) if text is not None else None

    async def set_state(self, name: str, value: Any) -> None:
        """Keeps a JSON value under a name."""
        text = msgspec.json.encode(value).decode()
        async with self._database.writing() as connection:
            await connection.execute(delete(worker_state).where(worker_state.c.name == name))
            await connection.execute(insert(worker_state).values(name=name, value=text))

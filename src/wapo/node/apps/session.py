"""The worker's session: one accounting period, whose metrics reports are numbered (node-and-gateway 3.5.2, 3.5.12).

A number must not be given twice, restarts included, and it is asked for from inside a guest's call, where nothing can
wait for a disk. So numbers are reserved ahead in the database; a restart goes on after what was reserved.
"""

import asyncio
import os
from typing import Final

from wapo.abi.metrics import MetricsToken
from wapo.abi.session import NONCE_BYTES, SessionUpdate
from wapo.errors import WapoError
from wapo.log import Log
from wapo.node.apps.records import AppRecords

__all__ = ["WorkerSession"]

_RESERVED_AT_ONCE: Final = 1 << 20
_NO_SESSION: Final = bytes(32)
_STATE: Final = "session"
_log = Log("wapo.worker")


class WorkerSession:
    """Made by :meth:`load`.

    Attributes:
        id: 32 bytes, or empty before there is a session.
    """

    def __init__(self, records: AppRecords, session: bytes, number: int) -> None:
        self._records = records
        self.id = session
        self._number = number
        self._reserved = number
        self._reserving: asyncio.Task[None] | None = None

    @classmethod
    async def load(cls, records: AppRecords) -> "WorkerSession":
        """The session of before, if there was one.

        Raises:
            StoreFailed: its next numbers cannot be reserved, and would be given twice.
        """
        state = await records.state(_STATE)
        if state is None:
            return cls(records, b"", 0)
        session = cls(records, bytes.fromhex(state["id"]), state["reserved"])
        await session._reserve()
        return session

    async def begin(self, previous_nonce: bytes, recipient: bytes) -> SessionUpdate:
        """A new session; report numbers begin again.

        Raises:
            PreviousNonceTooLong.
            StoreFailed: it could not be made durable; the session is the one of before.
        """
        made = SessionUpdate.begin(os.urandom(NONCE_BYTES), previous_nonce, recipient)
        await self.settle()
        await self._records.set_state(_STATE, {"id": made.session.hex(), "reserved": _RESERVED_AT_ONCE})
        self.id, self._number, self._reserved = made.session, 0, _RESERVED_AT_ONCE
        return made

    def token(self) -> MetricsToken:
        """The next report's. The first number of a session is 1."""
        self._number += 1
        if self.id and self._reserved - self._number < _RESERVED_AT_ONCE // 2 and self._reserving is None:
            self._reserving = asyncio.get_running_loop().create_task(self._reserve_more())
        return MetricsToken(self._number, self.id or _NO_SESSION, os.urandom(32))

    async def _reserve(self) -> None:
        until = self._number + _RESERVED_AT_ONCE
        await self._records.set_state(_STATE, {"id": self.id.hex(), "reserved": until})
        self._reserved = until

    async def _reserve_more(self) -> None:
        try:
            await self._reserve()
        except WapoError as error:
            _log.error("report numbers could not be reserved", cause=str(error))
        finally:
            self._reserving = None

    async def settle(self) -> None:
        """Waits for what is being written."""
        if self._reserving is not None:
            await asyncio.gather(self._reserving, return_exceptions=True)

"""The generations of a node's identity: which key signs now, and which have signed before.

A rotation adds a generation. The earlier ones' keys are still told, so that what they signed verifies; what claims to
have been signed by one after its time does not. All processes of a node find the generations in its database, where a
command adds one; a node that runs takes it over within seconds.
"""

import asyncio
import base64
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import delete, insert, select

from wapo.errors import CallerError
from wapo.log import Log
from wapo.store.checksums import checked, summed
from wapo.store.connections import AsyncConnection
from wapo.store.database import Database, StoreDamaged, StoreFailed
from wapo.store.schema import worker_state
from wapo.trust.attestation.report_data import EarlierKey
from wapo.trust.identity import NodeIdentity, agreement_key_id
from wapo.trust.keys import NodeKeys

__all__ = ["Generation", "Identities", "TooManyGenerations", "rotate"]

_STATE: Final = "identity"
_EVERY_S: Final = 2.0
#: Of each, two keys are told to whoever asks for them; a node that rotates every month gets by for 80 years.
_MAX_GENERATIONS: Final = 1000
_log = Log("wapo.node")


class TooManyGenerations(CallerError):
    """The node's identity has been rotated as often as it can be."""

    code = "too_many_generations"


@dataclass(frozen=True, slots=True)
class Generation:
    """An identity, and when it signs: in seconds since the epoch. ``until_s`` is None while it does."""

    identity: NodeIdentity
    from_s: int
    until_s: int | None

    def jwks(self) -> list[dict[str, Any]]:
        """Its two public keys (RFC 7517, RFC 8037). ``exp`` is when it was given up."""
        times = {"nbf": self.from_s} | ({} if self.until_s is None else {"exp": self.until_s})
        identity = self.identity
        return [
            {"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": identity.key_id,
             "x": _text(identity.public)} | times,
            {"kty": "OKP", "crv": "X25519", "use": "enc", "kid": agreement_key_id(identity.agreement_public),
             "x": _text(identity.agreement_public)} | times,
        ]  # fmt: skip


class Identities:
    """All generations of one node.

    Attributes:
        all: the oldest first; the last one is the one that signs.
        on_change: called with the new identity when there is one.
    """

    def __init__(self, keys: NodeKeys, database: Database) -> None:
        self._keys = keys
        self._database = database
        self._since: list[int] = []
        self.all: list[Generation] = []
        self.on_change: Callable[[NodeIdentity], None] = lambda _: None

    @property
    def current(self) -> NodeIdentity:
        """The one that signs."""
        return self.all[-1].identity

    def by_key(self, key_id: str) -> NodeIdentity | None:
        """The generation whose signing key has that name."""
        return next((one.identity for one in reversed(self.all) if one.identity.key_id == key_id), None)

    def earlier(self) -> list[EarlierKey]:
        """The keys that signed before, the oldest first."""
        return [EarlierKey(one.identity.public, one.from_s, one.until_s) for one in self.all if one.until_s is not None]

    def jwks(self) -> dict[str, Any]:
        """The JWK set of all, the newest first."""
        return {"keys": [key for one in reversed(self.all) for key in one.jwks()]}

    async def load(self) -> None:
        """Finds the generations; makes the first one where there is none.

        Raises:
            StoreFailed, StoreDamaged.
        """
        async with self._database.reading() as connection:
            since = await _read(connection)
        if not since:
            async with self._database.writing() as connection:
                since = await _read(connection)
                if not since:
                    since = [int(time.time())]
                    await _write(connection, since)
        if since == self._since:
            return
        known = {one.identity.generation: one.identity for one in self.all}
        self._since = since
        self.all = [
            Generation(known.get(number) or NodeIdentity(self._keys, number), start, end)
            for number, (start, end) in enumerate(zip(since, [*since[1:], None], strict=True), 1)
        ]
        if known:
            self.on_change(self.current)

    async def watch(self, every_s: float = _EVERY_S) -> None:
        """Takes new generations over, until cancelled."""
        while True:
            await asyncio.sleep(every_s)
            with contextlib.suppress(StoreFailed):  # which others tell, whose business it is
                before = self.current
                await self.load()
                if self.current is not before:
                    _log.info("the node's identity was rotated", generation=self.current.generation)


async def rotate(database: Database) -> None:
    """Adds a generation, from now on.

    Raises:
        StoreFailed, StoreDamaged, TooManyGenerations.
    """
    async with database.writing() as connection:
        since = await _read(connection)
        if len(since) >= _MAX_GENERATIONS:
            raise TooManyGenerations(f"there are {_MAX_GENERATIONS} generations, and there can be no more")
        # The clock may have been set back: no generation begins before another one has.
        now = max([int(time.time()), *since])
        await _write(connection, [*since, now])


async def _read(connection: AsyncConnection) -> list[int]:
    row = (await connection.execute(select(worker_state).where(worker_state.c.name == _STATE))).mappings().first()
    if row is None:
        return []
    value = msgspec.json.decode(checked(worker_state, row)["value"])
    if not isinstance(value, list) or not all(type(start) is int for start in value):
        raise StoreDamaged("the generations of the node's identity make no sense")
    return value


async def _write(connection: AsyncConnection, since: list[int]) -> None:
    row = summed({"name": _STATE, "value": msgspec.json.encode(since).decode()})
    await connection.execute(delete(worker_state).where(worker_state.c.name == _STATE))
    await connection.execute(insert(worker_state).values(row))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

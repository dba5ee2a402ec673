"""Vaults: secrets that only one program gets (node-and-gateway 1.4, following its NEW notes).

An item has a key (public, goes into URLs), a token (private, allows reading back; only its hash is kept), and data,
sealed under a key of the node. It is bound to the identity of one program; another program that is called with its
key gets nothing. Items are immutable; they can be removed.

An item may have credentials, too (:mod:`wapo.vm.credentials`). Of those the program gets the names, as the member
``credentials`` of its secret; nobody is ever told their values again, the owner neither.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import RowMapping, delete, insert, select

from wapo.errors import CallerError
from wapo.lazy import library
from wapo.store.database import Database
from wapo.store.schema import vaults
from wapo.trust.keys import NodeKeys
from wapo.trust.seal import Sealer

if TYPE_CHECKING:
    from wapo.vm.credentials import credential as hidden
    from wapo.vm.credentials.credential import Credentials
else:
    hidden = library("wapo.vm.credentials.credential")

__all__ = [
    "AccessDenied", "Delivery", "InvalidVaultKey", "NoSuchVault", "VaultItem", "VaultReceipt", "VaultSummary", "Vaults",
]  # fmt: skip

#: Hex digits of a key and of a token: 128 and 256 bits.
_KEY_BYTES: Final = 16
_TOKEN_BYTES: Final = 32
MAX_DATA_BYTES: Final = 64 << 10
#: Far more than any secret needs, and far less than recursion can stand.
_MAX_DEPTH: Final = 64
_CACHED: Final = 4096
#: How long after its removal an item may still be delivered by another process of the node.
_FRESH_S: Final = 4.0
#: The member of the secret that says which credentials there are.
_TOLD: Final = "credentials"


class NoSuchVault(CallerError):
    """No item has that key."""

    code = "vault_not_found"
    status = 404


class AccessDenied(CallerError):
    """The token is not the item's."""

    code = "vault_access_denied"
    status = 403


class InvalidVaultKey(CallerError):
    """The key of the request names no item of this program."""

    code = "vault_key_invalid"
    status = 403


class InvalidVaultData(CallerError):
    """The data cannot be kept."""

    code = "vault_data_invalid"
    status = 400


class InheritNotFound(CallerError):
    """There is no item to inherit from."""

    code = "vault_inherit_missing"
    status = 400


class InheritFromOther(CallerError):
    """An item can only inherit from one of the same program."""

    code = "vault_inherit_foreign"
    status = 403


@dataclass(frozen=True, slots=True)
class VaultReceipt:
    """What the owner gets once: the token cannot be asked for again."""

    token: str
    key: str


@dataclass(frozen=True, slots=True)
class VaultItem:
    """An item, opened. ``parents`` is the merged data of its ancestors."""

    key: str
    program: str
    data: dict[str, Any]
    inherit: str | None
    parents: dict[str, Any]
    credentials: Credentials | None = None

    def secret(self) -> dict[str, Any]:
        """What the agent gets: ancestors first, then the item's own data over them; of credentials that they are
        there."""
        merged: dict[str, Any] = merge(self.parents, self.data)
        return merged | {_TOLD: self.credentials.told()} if self.credentials is not None else merged


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a request with a key brings.

    Attributes:
        secret: JSON text, for the program.
        credentials: for the host alone; None: there are none.
    """

    secret: str
    credentials: Credentials | None


@dataclass(frozen=True, slots=True)
class VaultSummary:
    """An item as an operator sees it; ``members`` are the names in its own data."""

    key: str
    created_ms: int
    inherit: str | None
    members: list[str]
    credentials: dict[str, Any]


def merge(parent: Any, child: Any) -> Any:
    """Objects merge recursively, arrays are concatenated (parent first), anything else is the child's."""
    if isinstance(parent, dict) and isinstance(child, dict):
        merged = dict(parent)
        for name, value in child.items():
            merged[name] = merge(parent[name], value) if name in parent else value
        return merged
    if isinstance(parent, list) and isinstance(child, list):
        return parent + child
    return child


class Vaults:
    """The items of one node."""

    def __init__(self, database: Database, keys: NodeKeys) -> None:
        self._database = database
        self._sealer = Sealer(keys.derive("vault/v1"))
        self._credential_sealer = Sealer(keys.derive("vault-credentials/v1"))
        # Items never change, but they may be removed: what has been opened is kept for some seconds, by key, with the
        # program and when that is over.
        self._opened: OrderedDict[str, tuple[str, float, Delivery]] = OrderedDict()

    async def create(
        self,
        program: str,
        data: Any,
        inherit: str | None = None,
        inherit_token: str | None = None,
        *,
        by_key_alone: bool = False,
        credentials: Any = None,
    ) -> VaultReceipt:
        """Stores an item for a program (its CID, or ``local``).

        Args:
            credentials: an object, by name, of what the host puts on the program's requests.
            inherit: key of an item whose data this one is to have too.
            inherit_token: that item's token.
            by_key_alone: whether the key is enough to inherit, as it was in the original. A key is public.

        Raises:
            InvalidVaultData: not an object, or too large.
            InvalidCredential: a credential cannot be kept.
            InheritNotFound, AccessDenied, InheritFromOther: what it is to inherit from is not there, not the caller's,
                or another program's.
        """
        own = _encoded(data)
        parents: dict[str, Any] = {}
        kept = (hidden.Credentials.parse(credentials) or None) if credentials is not None else None
        if inherit is not None:
            parent = await self._load(inherit)
            if parent is None:
                raise InheritNotFound("inherit not found")
            item, token_hash = parent
            if item.program != program:
                raise InheritFromOther("Inherit from different cid is not allow")
            if inherit_token is None and not by_key_alone:
                raise AccessDenied("inheriting needs the parent's token, as inheritToken")
            if inherit_token is not None and not _token_matches(inherit_token, token_hash):
                raise AccessDenied("access denied")
            parents = merge(item.parents, item.data)
            if item.credentials is not None:
                kept = item.credentials if kept is None else kept.over(item.credentials)
        if kept is not None and (_TOLD in data or _TOLD in parents):
            raise InvalidVaultData(f"data of an item with credentials cannot have a member {_TOLD!r}: it tells of them")
        inherited = msgspec.json.encode(parents)
        values = msgspec.json.encode(kept.encoded()) if kept is not None else b""
        size = len(own) + (len(inherited) if parents else 0) + len(values)
        if size > MAX_DATA_BYTES:
            raise InvalidVaultData(f"data has {size} bytes; at most {MAX_DATA_BYTES} are allowed")
        receipt = VaultReceipt(secrets.token_hex(_TOKEN_BYTES), secrets.token_hex(_KEY_BYTES))
        context = f"vault/{program}/{receipt.key}"
        row = {
            "key": receipt.key,
            "token_hash": hashlib.sha256(receipt.token.encode()).digest(),
            "program": program,
            "data": self._sealer.seal(own, context),
            "inherit": inherit,
            "parents": self._sealer.seal(inherited, context) if parents else None,
            "created_ms": time.time_ns() // 1_000_000,
            "credentials": self._credential_sealer.seal(values, context) if values else None,
        }
        async with self._database.writing() as connection:
            await connection.execute(insert(vaults).values(row))
        return receipt

    async def read(self, key: str, token: str) -> VaultItem:
        """An item, for whoever has its key and its token.

        Raises:
            NoSuchVault, AccessDenied.
        """
        found = await self._load(key)
        if found is None:
            raise NoSuchVault("not found")
        item, token_hash = found
        if not _token_matches(token, token_hash):
            raise AccessDenied("access denied")
        return item

    async def remove(self, key: str, token: str | None) -> None:
        """Removes an item; those that inherit from it keep what they have. Without a token only for an operator.

        Raises:
            NoSuchVault, AccessDenied.
        """
        async with self._database.writing() as connection:
            found = (await connection.execute(select(vaults.c.token_hash).where(vaults.c.key == key))).scalar()
            if found is None:
                raise NoSuchVault("not found")
            if token is not None and not _token_matches(token, found):
                raise AccessDenied("access denied")
            await connection.execute(delete(vaults).where(vaults.c.key == key))
        self._opened.pop(key, None)

    async def summaries(self, program: str) -> list[VaultSummary]:
        """The items of a program, oldest first; no values."""
        query = select(vaults).where(vaults.c.program == program).order_by(vaults.c.created_ms, vaults.c.key)
        async with self._database.reading() as connection:
            rows = (await connection.execute(query)).mappings().all()
        items = [(row, self._item(row)) for row in rows]
        return [
            VaultSummary(item.key, row["created_ms"], item.inherit, sorted(item.data), _shown(item))
            for row, item in items
        ]

    async def owns(self, program: str, token: str) -> bool:
        """Whether a token belongs to an item of that program."""
        query = select(vaults.c.token_hash).where(vaults.c.program == program)
        async with self._database.reading() as connection:
            hashes = (await connection.execute(query)).scalars().all()
        return any(_token_matches(token, token_hash) for token_hash in hashes)

    def cached(self, program: str, key: str) -> Delivery | None:
        """As :meth:`delivery`, if it is in memory."""
        opened = self._opened.get(key)
        if opened is None or opened[0] != program or opened[1] < time.monotonic():
            return None
        return opened[2]

    async def delivery(self, program: str, key: str) -> Delivery:
        """What a request to the program with that key brings.

        Raises:
            InvalidVaultKey: no such item, or another program's. Which of the two is not told.
        """
        cached = self.cached(program, key)
        if cached is not None:
            return cached
        found = await self._load(key)
        if found is None or found[0].program != program:
            raise InvalidVaultKey("invalid key")
        item = found[0]
        delivery = Delivery(msgspec.json.encode(item.secret()).decode(), item.credentials)
        self._opened[key] = (program, time.monotonic() + _FRESH_S, delivery)
        self._opened.move_to_end(key)
        if len(self._opened) > _CACHED:
            self._opened.popitem(last=False)
        return delivery

    async def _load(self, key: str) -> tuple[VaultItem, bytes] | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(select(vaults).where(vaults.c.key == key))).mappings().first()
        return (self._item(row), row["token_hash"]) if row is not None else None

    def _item(self, row: RowMapping) -> VaultItem:
        context = f"vault/{row['program']}/{row['key']}"
        data = msgspec.json.decode(self._sealer.open(row["data"], context))
        parents = msgspec.json.decode(self._sealer.open(row["parents"], context)) if row["parents"] else {}
        credentials = None
        if row["credentials"]:
            value = msgspec.json.decode(self._credential_sealer.open(row["credentials"], context))
            credentials = hidden.Credentials.parse(value)
        return VaultItem(row["key"], row["program"], data, row["inherit"], parents, credentials)


def _shown(item: VaultItem) -> dict[str, Any]:
    return item.credentials.shown() if item.credentials is not None else {}


def _encoded(data: Any) -> bytes:
    """JSON text of an item's data.

    Raises:
        InvalidVaultData: not an object, nested too deeply, or not JSON.
    """
    if not isinstance(data, dict):
        raise InvalidVaultData("data must be an object")
    waiting: list[tuple[Any, int]] = [(data, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _MAX_DEPTH:
            raise InvalidVaultData(f"data is nested more than {_MAX_DEPTH} levels deep")
        inner = value.values() if isinstance(value, dict) else value
        waiting += [(item, depth + 1) for item in inner if isinstance(item, dict | list)]
    try:
        return msgspec.json.encode(data)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidVaultData(f"data is not JSON: {error}") from None


def _token_matches(token: str, token_hash: bytes) -> bool:
    return hmac.compare_digest(hashlib.sha256(token.encode()).digest(), token_hash)

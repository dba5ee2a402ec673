"""What a backup is: a tar archive of plain files, which ``tar`` lists and ``sha256sum -c SHA256SUMS`` checks.

::

    wapo-backup.json        first: the format, which wapo made it and when, the schema, which node key it belongs to
    wapo.db                 one moment of the database
    worker.key              as it is on the disk: sealed under the node's key
    node.key.sealed         the node's key under a passphrase, if one was given
    content/pins/<cid>      before the blocks: what was pinned by then has its blocks in the archive
    content/blocks/<xx>/<multihash>
    blobs/<hash>, blobs/<address>-bootdata
    SHA256SUMS              last: an archive without it was cut short

Any other name, link, directory or device, and any name that comes twice, makes an archive a stranger's.
"""

import re
from typing import Any, Final

import msgspec

from wapo.errors import CallerError

__all__ = [
    "ABOUT",
    "DATABASE",
    "FORMAT",
    "MAX_SMALL_BYTES",
    "NODE_KEY",
    "SEALED_KEY",
    "SUMS",
    "WORKER_KEY",
    "About",
    "BadBackup",
    "blob_of",
    "block_of",
    "is_known",
    "is_small",
]  # fmt: skip

FORMAT: Final = "wapo-backup/1"
ABOUT: Final = "wapo-backup.json"
DATABASE: Final = "wapo.db"
NODE_KEY: Final = "node.key"
SEALED_KEY: Final = "node.key.sealed"
WORKER_KEY: Final = "worker.key"
SUMS: Final = "SHA256SUMS"

#: Of ``wapo-backup.json`` and of keys.
MAX_SMALL_BYTES: Final = 1 << 16

_BLOCK: Final = re.compile(r"content/blocks/(?P<folder>[0-9a-f]{2})/(?P<name>(?:[0-9a-f]{2}){2,160})")
_PIN: Final = re.compile(r"content/pins/[0-9A-Za-z]{1,255}")
_BLOB: Final = re.compile(r"blobs/(?P<name>[0-9a-f]{64}(?:[0-9a-f]{64})?)")
_BOOT_DATA: Final = re.compile(r"blobs/[0-9a-f]{64}-bootdata")
_SMALL: Final = (ABOUT, SEALED_KEY, WORKER_KEY)


class BadBackup(CallerError):
    """An archive that is damaged, cut short, of another format, or no backup at all."""

    code = "bad_backup"


class About(msgspec.Struct, frozen=True):
    """``wapo-backup.json``.

    Attributes:
        created: UTC, ISO 8601.
        migrations: of the database.
        key_id: of the node's key; None if the node had none yet.
        key: whether the key is in the archive, under a passphrase.
    """

    format: str
    wapo: str
    created: str
    migrations: list[str]
    key_id: str | None
    key: bool

    def encode(self) -> bytes:
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"

    @classmethod
    def decode(cls, content: bytes) -> "About":
        """
        Raises:
            BadBackup: it is not what this wapo reads.
        """
        try:
            found: Any = msgspec.json.decode(content)
            form = found.get("format") if isinstance(found, dict) else None
            if form != FORMAT:
                raise BadBackup(f"the backup's format is {str(form)[:80]!r}; this wapo reads {FORMAT!r}")
            return msgspec.convert(found, cls)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as error:
            raise BadBackup(f"{ABOUT} makes no sense: {error}") from None


def is_known(name: str) -> bool:
    """Whether a backup may have a file of that name."""
    if name in (ABOUT, DATABASE, SEALED_KEY, WORKER_KEY, SUMS):
        return True
    block = _BLOCK.fullmatch(name)
    if block is not None:
        return block["folder"] == block["name"][-2:]
    return any(pattern.fullmatch(name) for pattern in (_PIN, _BLOB, _BOOT_DATA))


def is_small(name: str) -> bool:
    """Whether a file of that name has at most ``MAX_SMALL_BYTES``."""
    return name in _SMALL or name.startswith("content/pins/")


def block_of(name: str) -> bytes | None:
    """The multihash of the block of that name, if it is one."""
    found = _BLOCK.fullmatch(name)
    return bytes.fromhex(found["name"]) if found is not None else None


def blob_of(name: str) -> str | None:
    """The hash in hex of the blob of that name, if it is one."""
    found = _BLOB.fullmatch(name)
    return found["name"] if found is not None else None

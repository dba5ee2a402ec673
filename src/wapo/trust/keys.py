"""The node's root key, and what is derived from it.

The root is 32 random bytes in a file of mode 0600, made once. Every derivation is HKDF-SHA512 (RFC 5869) whose info
names the purpose, a version, and length-prefixed parts, so no two purposes or parts can meet.
"""

import os
import secrets
import tempfile
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wapo.errors import HostError

__all__ = ["NodeKeys", "UnusableKey"]

_ROOT_BYTES: Final = 32


class UnusableKey(HostError):
    """The key file is there but cannot be used. A new key is never made over it: every secret would be lost."""

    code = "unusable_key"


class NodeKeys:
    """The keys of one node, from its root key (32 bytes)."""

    def __init__(self, root: bytes) -> None:
        if len(root) != _ROOT_BYTES:
            raise UnusableKey(f"the node's key has {len(root)} bytes; {_ROOT_BYTES} are expected")
        self._root = root

    @classmethod
    def load_or_create(cls, path: Path) -> "NodeKeys":
        """The key in that file; made, with mode 0600, if there is none.

        Raises:
            UnusableKey: the file cannot be read, has another length, or others may read it.
        """
        try:
            _create(path)
        except FileExistsError:
            pass
        except OSError as error:
            raise UnusableKey(f"the node's key cannot be written to {path}: {error.strerror}") from error
        try:
            mode = path.stat().st_mode & 0o777
            if mode & 0o077:
                raise UnusableKey(f"{path} may be read by others (mode {mode:04o}); run chmod 600 on it")
            return cls(path.read_bytes())
        except OSError as error:
            raise UnusableKey(f"the node's key cannot be read from {path}: {error.strerror}") from error

    def derive(self, purpose: str, *parts: bytes, length: int = 32) -> bytes:
        """``length`` bytes for a purpose such as ``vault/v1`` and its parts."""
        info = b"wapo/" + purpose.encode() + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return HKDF(algorithm=SHA512(), length=length, salt=None, info=info).derive(self._root)

    def agent_secret(self, program: str, path: bytes) -> bytes:
        """64 bytes that depend on this node, the program's CID and ``path`` only (``Wapo.deriveSecret``)."""
        return self.derive("agent-secret/v1", program.encode(), path, length=64)


def _create(path: Path) -> None:
    """Writes a new key whole or not at all.

    Raises:
        FileExistsError: there is a key already, perhaps another process's of this moment.
    """
    if path.exists():
        raise FileExistsError(path)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".key-")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_ROOT_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()

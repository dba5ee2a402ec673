"""The node's root key, and what is derived from it.

The root is 32 random bytes in a file of mode 0600, made once. Every derivation is HKDF-SHA512 (RFC 5869) whose info
names the purpose, a version, and length-prefixed parts, so no two purposes or parts can meet.
"""

import secrets
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wapo.trust.key_files import UnusableKey, load_or_create

__all__ = ["NodeKeys", "UnusableKey"]

_ROOT_BYTES: Final = 32


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
        return cls(load_or_create(path, "the node's key", lambda: secrets.token_bytes(_ROOT_BYTES)))

    @property
    def id(self) -> str:
        """32 hex digits that tell this key from another, and nothing else about it."""
        return self.derive("key-id/v1", length=16).hex()

    def derive(self, purpose: str, *parts: bytes, length: int = 32) -> bytes:
        """``length`` bytes for a purpose such as ``vault/v1`` and its parts."""
        info = b"wapo/" + purpose.encode() + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
        return HKDF(algorithm=SHA512(), length=length, salt=None, info=info).derive(self._root)

    def agent_secret(self, program: str, path: bytes) -> bytes:
        """64 bytes that depend on this node, the program's CID and ``path`` only (``Wapo.deriveSecret``)."""
        return self.derive("agent-secret/v1", program.encode(), path, length=64)

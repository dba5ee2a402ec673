"""The worker's key (node-and-gateway 5.1): the one sr25519 key behind its signatures, key agreement and derivations.

At rest it is sealed under the node's root key, in a file of mode 0600. The original node kept the same 64 bytes in the
clear; ``import_original`` takes them over, and with them everything that they ever derived.
"""

import secrets
from pathlib import Path
from typing import Final

from wapo.errors import CallerError
from wapo.trust import schnorr
from wapo.trust.domains import ContentType, domain_message, verify_signature
from wapo.trust.key_files import UnusableKey, create_once, load_or_create
from wapo.trust.keys import NodeKeys
from wapo.trust.seal import Sealer, Unsealable

__all__ = ["WorkerKey", "WorkerKeyExists"]

_PURPOSE: Final = "worker-key/v1"


class WorkerKeyExists(CallerError):
    """There is a worker key already. It is never replaced: apps' secrets and boot data depend on it."""

    code = "worker_key_exists"


class WorkerKey:
    """A worker's key pair. What it is printed as shows the public half only."""

    __slots__ = ("_secret", "public")

    def __init__(self, secret: bytes) -> None:
        """From scalar (32 bytes, little-endian, reduced) and nonce (32 bytes).

        Raises:
            UnusableKey: these are no secret key.
        """
        try:
            self.public = schnorr.public_of(secret)
        except ValueError as error:
            raise UnusableKey(f"the worker's key is not valid: {error}") from error
        self._secret = secret

    @classmethod
    def from_seed(cls, seed: bytes) -> "WorkerKey":
        """From a 32-byte seed, expanded in Ed25519 mode. The seed is not kept."""
        return cls(schnorr.secret_of_seed(seed))

    @classmethod
    def from_bytes(cls, secret: bytes) -> "WorkerKey":
        """From the 64 bytes that ``to_bytes`` gives, and no more.

        Raises:
            UnusableKey: these are no secret key.
        """
        return cls(secret)

    @classmethod
    def load_or_create(cls, path: Path, node_keys: NodeKeys) -> "WorkerKey":
        """The key sealed in that file; made if there is none. Processes that start at once get the same.

        Raises:
            UnusableKey: the file cannot be read or opened, or others may read it. No other key is made then.
        """
        sealer = _sealer(node_keys)
        sealed = load_or_create(
            path, "the worker's key", lambda: sealer.seal(schnorr.secret_of_seed(secrets.token_bytes(32)), _PURPOSE)
        )
        try:
            return cls(sealer.open(sealed, _PURPOSE))
        except Unsealable as error:
            if len(sealed) == schnorr.SECRET_BYTES:
                raise UnusableKey(
                    f"{path} has the length of an original node's key in the clear: move it away and import it"
                ) from error
            raise UnusableKey(
                f"the worker's key in {path} cannot be opened: it is damaged, or was sealed under another node key"
            ) from error

    @classmethod
    def import_original(cls, content: bytes, path: Path, node_keys: NodeKeys) -> "WorkerKey":
        """Seals the key of an original node (the content of its ``worker.key``) into a new file at ``path``.

        As the original does, what follows the first 64 bytes is ignored. Erasing the clear file is the caller's.

        Raises:
            UnusableKey: fewer than 64 bytes, no secret key, or the file cannot be written.
            WorkerKeyExists: there is a file already, of whatever key.
        """
        key = cls(content[: schnorr.SECRET_BYTES])
        try:
            create_once(path, _sealer(node_keys).seal(key.to_bytes(), _PURPOSE))
        except FileExistsError:
            raise WorkerKeyExists(f"{path} exists; a worker's key is never replaced") from None
        except OSError as error:
            raise UnusableKey(f"the worker's key cannot be written to {path}: {error.strerror}") from error
        return key

    def to_bytes(self) -> bytes:
        """The secret: scalar and nonce, 64 bytes, the import format. Never to a guest, a log or a network."""
        return self._secret

    def sign(self, content_type: ContentType, message: bytes) -> bytes:
        """64 bytes; another signature each time."""
        return schnorr.sign(self._secret, self.public, domain_message(content_type, message))

    def verify(self, content_type: ContentType, message: bytes, signature: bytes) -> bool:
        """Whether this key made the signature (:func:`~wapo.trust.domains.verify_signature` for another's)."""
        return verify_signature(self.public, content_type, message, signature)

    def __repr__(self) -> str:
        return f"WorkerKey(public={self.public.hex()})"


def _sealer(node_keys: NodeKeys) -> Sealer:
    return Sealer(node_keys.derive(_PURPOSE))

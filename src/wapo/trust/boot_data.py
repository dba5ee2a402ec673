"""Boot data (node-and-gateway 4.7): one encrypted record for each app, kept on the node between its runs.

The key is the first half of the secret that the app derives for ``enc_bootdata``: it lives and dies with the worker's
key. Two formats can be opened, and new records are written in the second:

* the original's: ``ciphertext | tag (16) | nonce (12)``, AES-256-GCM without associated data. Kept for import.
* ``"WAPOBD" 00 01 | nonce (12) | ciphertext | tag (16)``, AES-256-GCM; the associated data are the first 8 bytes and
  the app's address.

Neither tells a record from an older one of the same app: who can write to the disk can put back what was there before.
"""

import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wapo.errors import GuestError
from wapo.trust.derivation import derive_secret
from wapo.trust.seal import Unsealable
from wapo.trust.worker_key import WorkerKey

__all__ = ["MAX_BOOT_DATA_BYTES", "MAX_SEALED_BYTES", "BootDataSealer", "BootDataTooLarge", "boot_data_file"]

MAX_BOOT_DATA_BYTES: Final = 65_536
_PATH: Final = b"enc_bootdata"
_MAGIC: Final = b"WAPOBD\x00\x01"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16

MAX_SEALED_BYTES: Final = len(_MAGIC) + _NONCE_BYTES + MAX_BOOT_DATA_BYTES + _TAG_BYTES
"""No file that can be opened is longer."""


class BootDataTooLarge(GuestError):
    """An app's boot data are longer than 65,536 bytes."""

    code = "boot_data_too_large"


def boot_data_file(folder: Path, app: bytes) -> Path:
    """Where the record of that app is kept, in the folder of blobs."""
    return folder / f"{app.hex()}-bootdata"


class BootDataSealer:
    """Seals and opens the boot data of one app."""

    def __init__(self, worker: WorkerKey, app: bytes) -> None:
        self._cipher = AESGCM(derive_secret(worker, app, _PATH)[:32])
        self._context = _MAGIC + app

    def seal(self, data: bytes) -> bytes:
        """In the new format.

        Raises:
            BootDataTooLarge: more than 65,536 bytes.
        """
        nonce = os.urandom(_NONCE_BYTES)
        return _MAGIC + nonce + self._cipher.encrypt(nonce, _bounded(data), self._context)

    def seal_original(self, data: bytes) -> bytes:
        """In the original's format, for going back to an original node. That one cannot read more than 65,508 bytes.

        Raises:
            BootDataTooLarge: more than 65,536 bytes.
        """
        nonce = os.urandom(_NONCE_BYTES)
        return self._cipher.encrypt(nonce, _bounded(data), None) + nonce

    def open(self, sealed: bytes) -> bytes:
        """The data of a record in either format.

        Raises:
            Unsealable: it is damaged, another app's, of another worker, or too long.
        """
        if len(sealed) <= MAX_SEALED_BYTES:
            try:
                return self._decrypt(sealed)
            except (InvalidTag, ValueError):
                pass
        raise Unsealable("the boot data cannot be opened: they are damaged, or of another app or worker")

    def _decrypt(self, sealed: bytes) -> bytes:
        if sealed.startswith(_MAGIC):
            body = sealed[len(_MAGIC) :]
            return self._cipher.decrypt(body[:_NONCE_BYTES], body[_NONCE_BYTES:], self._context)
        return self._cipher.decrypt(sealed[-_NONCE_BYTES:], sealed[:-_NONCE_BYTES], None)


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_BOOT_DATA_BYTES:
        raise BootDataTooLarge(f"{len(data)} bytes of boot data; at most {MAX_BOOT_DATA_BYTES} are allowed")
    return data

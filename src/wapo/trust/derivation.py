"""Secrets of apps (node-and-gateway 5.3): ``derive_secret``, ocall 255.

Two hard derivations of the worker's key: by the app's address, then by the hash of the path. They depend on nothing
else, so an app finds the same secret for as long as the worker's key lives, and no other app can compute it. That takes
about 0.1 ms; nothing is cached.
"""

import hashlib
from typing import Final

from wapo.errors import GuestError
from wapo.trust import schnorr
from wapo.trust.worker_key import WorkerKey

__all__ = ["MAX_PATH_BYTES", "DerivationPathTooLong", "derive_secret"]

MAX_PATH_BYTES: Final = 256


class DerivationPathTooLong(GuestError):
    """The path of a derived secret is longer than 256 bytes."""

    code = "derivation_path_too_long"


def derive_secret(worker: WorkerKey, app: bytes, path: bytes) -> bytes:
    """64 bytes for that app (address, 32 bytes) and path; a valid sr25519 secret key.

    Raises:
        DerivationPathTooLong: the path has more than 256 bytes.
        CryptoUnusable: the installed library derives something else.
    """
    if len(path) > MAX_PATH_BYTES:
        raise DerivationPathTooLong(f"a derivation path of {len(path)} bytes; at most {MAX_PATH_BYTES} are allowed")
    app_secret, app_public = schnorr.hard_derive(worker.to_bytes(), worker.public, app)
    junction = hashlib.blake2b(path, digest_size=32).digest()
    return schnorr.hard_derive(app_secret, app_public, junction)[0]

"""What a worker signs for an app (node-and-gateway 5.4): ``sign``, ocall 250.

Who verifies needs the worker's public key and the app's address: the signature says that this app, on this worker,
asked for these data to be signed. Signing takes 8 ms a MiB with the interpreter's lock held: a host that lets guests
sign the whole 8 MiB stands still for 65 ms each time.
"""

from typing import Final

from wapo.errors import GuestError
from wapo.trust.domains import ContentType, verify_signature
from wapo.trust.worker_key import WorkerKey

__all__ = ["MAX_APP_DATA_BYTES", "AppDataTooLarge", "app_data_message", "sign_app_data", "verify_app_data"]

MAX_APP_DATA_BYTES: Final = 8 << 20


class AppDataTooLarge(GuestError):
    """An app asks for a signature or a quote of more than 8 MiB."""

    code = "app_data_too_large"


def app_data_message(app: bytes, data: bytes) -> bytes:
    """The app's address (32 bytes) and its data, as they are signed and quoted.

    Raises:
        AppDataTooLarge: more than 8 MiB.
    """
    if len(app) != 32:  # another length would let one app's message be another's
        raise ValueError(f"an app's address has 32 bytes, not {len(app)}")
    if len(data) > MAX_APP_DATA_BYTES:
        raise AppDataTooLarge(f"{len(data)} bytes to sign; at most {MAX_APP_DATA_BYTES} are allowed")
    return app + data


def sign_app_data(worker: WorkerKey, app: bytes, data: bytes) -> bytes:
    """64 bytes.

    Raises:
        AppDataTooLarge: more than 8 MiB.
    """
    return worker.sign(ContentType.APP_DATA, app_data_message(app, data))


def verify_app_data(worker_public: bytes, app: bytes, data: bytes, signature: bytes) -> bool:
    """Whether that worker signed these data for that app."""
    return verify_signature(worker_public, ContentType.APP_DATA, app_data_message(app, data), signature)

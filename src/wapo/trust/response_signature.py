"""Signatures of the user listener's responses (node-and-gateway 2.9).

The original's, in ``X-Phactory-Signature``, covers the body and nothing else, so it can be replayed as the answer to
anything. It is kept. Ours, in ``X-Wapo-Signature``, is about one exchange: sr25519 over ``ff c8`` and the SCALE of

    method String | target String | request body [u8;32] | nonce Vec<u8> | status u16 | response body [u8;32]

where ``target`` is the path and query as sent (``/prpc/User.Query?json``), the bodies are blake2b-256 of their bytes as
sent, and ``nonce`` the bytes of the request's header ``X-Wapo-Nonce`` (empty without one). A client that sends a random
nonce knows that the answer was made for this request, now. Both headers hold 128 lower-case hex digits.
"""

import hashlib
from typing import Final

from wapo.scale.primitives import encode_bytes, encode_text, encode_unsigned
from wapo.trust.domains import ContentType, verify_signature
from wapo.trust.worker_key import WorkerKey

__all__ = [
    "BODY_SIGNATURE_HEADER",
    "EXCHANGE_SIGNATURE_HEADER",
    "MAX_SIGNED_BODY_BYTES",
    "NONCE_HEADER",
    "exchange_message",
    "sign_body",
    "sign_exchange",
    "verify_body",
    "verify_exchange",
]

BODY_SIGNATURE_HEADER: Final = "X-Phactory-Signature"
EXCHANGE_SIGNATURE_HEADER: Final = "X-Wapo-Signature"
NONCE_HEADER: Final = "X-Wapo-Nonce"

MAX_SIGNED_BODY_BYTES: Final = 10 << 20
"""Larger bodies, and those whose length is not known beforehand, are not signed."""


def sign_body(worker: WorkerKey, body: bytes) -> str:
    """The value of ``X-Phactory-Signature``."""
    return worker.sign(ContentType.RPC_RESPONSE, body).hex()


def verify_body(worker_public: bytes, body: bytes, value: str) -> bool:
    """Whether the header's value is that worker's for the body. False for anything malformed, too."""
    return verify_signature(worker_public, ContentType.RPC_RESPONSE, body, _unhex(value))


def exchange_message(method: str, target: str, request: bytes, nonce: bytes, status: int, response: bytes) -> bytes:
    """What ``X-Wapo-Signature`` signs, without the prefix ``ff c8``."""
    return b"".join(
        (
            encode_text(method),
            encode_text(target),
            hashlib.blake2b(request, digest_size=32).digest(),
            encode_bytes(nonce),
            encode_unsigned(status, 2),
            hashlib.blake2b(response, digest_size=32).digest(),
        )
    )


def sign_exchange(worker: WorkerKey, message: bytes) -> str:
    """The value of ``X-Wapo-Signature``, for what :func:`exchange_message` gives."""
    return worker.sign(ContentType.RPC_EXCHANGE, message).hex()


def verify_exchange(worker_public: bytes, message: bytes, value: str) -> bool:
    """Whether the header's value is that worker's for the exchange. False for anything malformed, too."""
    return verify_signature(worker_public, ContentType.RPC_EXCHANGE, message, _unhex(value))


def _unhex(value: str) -> bytes:
    try:
        return bytes.fromhex(value)
    except ValueError:
        return b""

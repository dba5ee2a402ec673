"""What a worker's signature is about (node-and-gateway 3.4).

Every signature of a worker is over ``ff``, one byte that says what kind of message follows, and the message. So a
signature of one kind never passes for another, and none of them for a transaction of a Substrate chain.
"""

from enum import IntEnum

from wapo.trust import schnorr

__all__ = ["ContentType", "domain_message", "verify_signature"]


class ContentType(IntEnum):
    """Kinds of signed messages. 3 to 99 and 105 to 199 are left to the original; ours are from 200 up."""

    RPC_RESPONSE = 1
    """A response's body."""
    ENDPOINT_INFO = 2
    """``WorkerEndpointPayload``."""
    METRICS = 100
    """``VersionedAppsMetrics``."""
    APP_DATA = 101
    """An app's address (32 bytes) and its data."""
    WORKER_ATTESTATION = 102
    """Only hashed, never signed (5.5)."""
    WORKER_DESCRIPTION = 103
    """``WorkerDescription``."""
    SESSION_UPDATE = 104
    """``SessionUpdate``."""
    RPC_EXCHANGE = 200
    """A request and its response (:mod:`wapo.trust.response_signature`)."""


def domain_message(content_type: ContentType, message: bytes) -> bytes:
    """The bytes that are signed."""
    return bytes((0xFF, content_type)) + message


def verify_signature(public: bytes, content_type: ContentType, message: bytes, signature: bytes) -> bool:
    """Whether the worker with that public key signed that message as that kind. False for anything malformed, too."""
    return schnorr.verify(public, domain_message(content_type, message), signature)

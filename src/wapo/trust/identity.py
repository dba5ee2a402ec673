"""What others know a node by: a key that signs, and a key that messages to the node are encrypted to.

Both are derived from the node's root key with a generation, so that they can be changed without another root, and an
earlier generation's public keys can still be told. A quote speaks about both (:mod:`wapo.trust.attestation`).
"""

import base64
import hashlib
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from wapo.trust.keys import NodeKeys

__all__ = ["NodeIdentity", "agreement_key_id", "key_id"]

_SIGNING: Final = "identity/ed25519/v1"
_AGREEMENT: Final = "identity/x25519/v1"


class NodeIdentity:
    """One generation of a node's identity.

    Attributes:
        generation: from 1.
        public: the Ed25519 public key that signatures verify with, 32 bytes (RFC 8032).
        key_id: its name (:func:`key_id`).
        agreement_public: the X25519 public key to encrypt to, 32 bytes (RFC 7748).
    """

    __slots__ = ("_agreement", "_signing", "agreement_public", "generation", "key_id", "public")

    def __init__(self, keys: NodeKeys, generation: int = 1) -> None:
        number = generation.to_bytes(4, "big")
        self.generation = generation
        self._signing = Ed25519PrivateKey.from_private_bytes(keys.derive(_SIGNING, number))
        self._agreement = X25519PrivateKey.from_private_bytes(keys.derive(_AGREEMENT, number))
        self.public = self._signing.public_key().public_bytes_raw()
        self.agreement_public = self._agreement.public_key().public_bytes_raw()
        self.key_id = key_id(self.public)

    def sign(self, message: bytes) -> bytes:
        """64 bytes (RFC 8032). Never of bytes that a stranger chose whole: whoever calls says first what they are."""
        return self._signing.sign(message)

    @property
    def agreement_key(self) -> X25519PrivateKey:
        """The secret half of :attr:`agreement_public`, for the library that decrypts. Never to a guest or a log."""
        return self._agreement

    def __repr__(self) -> str:
        return f"NodeIdentity({self.key_id}, generation {self.generation})"


def key_id(public: bytes) -> str:
    """The name of an Ed25519 public key (32 bytes): its JWK thumbprint, 43 characters (RFC 7638, RFC 8037)."""
    return _thumbprint("Ed25519", public)


def agreement_key_id(public: bytes) -> str:
    """As :func:`key_id`, of an X25519 public key."""
    return _thumbprint("X25519", public)


def _thumbprint(curve: str, public: bytes) -> str:
    coordinate = base64.urlsafe_b64encode(public).rstrip(b"=").decode()
    members = f'{{"crv":"{curve}","kty":"OKP","x":"{coordinate}"}}'
    return base64.urlsafe_b64encode(hashlib.sha256(members.encode()).digest()).rstrip(b"=").decode()

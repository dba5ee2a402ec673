"""A public key to encrypt to, as ``application/ohttp-keys`` (RFC 9458 3)."""

from dataclasses import dataclass
from typing import Final

from wapo.errors import CallerError
from wapo.trust.identity import NodeIdentity
from wapo.trust.oblivious.suites import AEADS, ENC_BYTES, KDF_ID, KEM_ID

__all__ = ["InvalidKeyConfiguration", "KeyConfiguration", "decode_configurations", "encode_configurations"]

_SUITE_BYTES: Final = 4


class InvalidKeyConfiguration(CallerError):
    """Bytes that are no list of keys to encrypt to, or none of them is of a kind that is known here."""

    code = "invalid_key_configuration"


@dataclass(frozen=True, slots=True)
class KeyConfiguration:
    """One key.

    Attributes:
        key_id: tells keys of one node apart, 0 to 255.
        public: X25519, 32 bytes.
        aeads: numbers of RFC 9180 7.3.
    """

    key_id: int
    public: bytes
    aeads: tuple[int, ...] = AEADS

    @classmethod
    def of(cls, identity: NodeIdentity) -> "KeyConfiguration":
        """Generations that follow each other have different identifiers."""
        return cls(identity.generation & 0xFF, identity.agreement_public)

    def header(self, aead: int) -> bytes:
        """What a message to it begins with."""
        return b"".join(
            (bytes((self.key_id,)), KEM_ID.to_bytes(2, "big"), KDF_ID.to_bytes(2, "big"), aead.to_bytes(2, "big"))
        )

    def encode(self) -> bytes:
        suites = b"".join(KDF_ID.to_bytes(2, "big") + aead.to_bytes(2, "big") for aead in self.aeads)
        return b"".join(
            (bytes((self.key_id,)), KEM_ID.to_bytes(2, "big"), self.public, len(suites).to_bytes(2, "big"), suites)
        )


def encode_configurations(configurations: list[KeyConfiguration]) -> bytes:
    """The one that is preferred first."""
    encoded = [configuration.encode() for configuration in configurations]
    return b"".join(len(one).to_bytes(2, "big") + one for one in encoded)


def decode_configurations(data: bytes) -> list[KeyConfiguration]:
    """Those that can be used here; others are passed over.

    Raises:
        InvalidKeyConfiguration: the bytes are none, or there is no such key.
    """
    found, at = [], 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        one = data[at + 2 : at + 2 + length]
        if len(data) < at + 2 or len(one) != length:
            raise InvalidKeyConfiguration("the list of keys is cut short")
        at += 2 + length
        configuration = _decode(one)
        if configuration is not None:
            found.append(configuration)
    if not found:
        raise InvalidKeyConfiguration("there is no key that this version can encrypt to (X25519, HKDF-SHA256)")
    return found


def _decode(data: bytes) -> KeyConfiguration | None:
    if len(data) < 3:
        raise InvalidKeyConfiguration("a key is cut short")
    if int.from_bytes(data[1:3], "big") != KEM_ID:
        return None
    public, rest = data[3 : 3 + ENC_BYTES], data[3 + ENC_BYTES :]
    suites = rest[2:]
    if len(rest) < 2 + _SUITE_BYTES or len(suites) != int.from_bytes(rest[:2], "big") or len(suites) % _SUITE_BYTES:
        raise InvalidKeyConfiguration("the algorithms of a key are cut short")
    pairs = [suites[at : at + _SUITE_BYTES] for at in range(0, len(suites), _SUITE_BYTES)]
    offered = {int.from_bytes(pair[2:], "big") for pair in pairs if int.from_bytes(pair[:2], "big") == KDF_ID}
    aeads = tuple(aead for aead in AEADS if aead in offered)
    return KeyConfiguration(data[0], public, aeads) if aeads else None

"""The node's side: requests opened, responses sealed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from wapo.errors import CallerError
from wapo.lazy import library
from wapo.trust.identity import NodeIdentity
from wapo.trust.oblivious.chunks import ChunkDecoder
from wapo.trust.oblivious.configuration import KeyConfiguration, encode_configurations
from wapo.trust.oblivious.suites import (
    AEADS,
    ENC_BYTES,
    HEADER_BYTES,
    ResponseCipher,
    UndecryptableMessage,
    exported,
    hpke_suite,
    info_of,
    nonce_bytes,
)

if TYPE_CHECKING:
    import pyhpke
else:
    pyhpke = library("pyhpke")

__all__ = ["PREFIX_BYTES", "Receiver", "SealedRequest", "UnknownKey"]

#: What a request begins with: the header, and the encapsulated key.
PREFIX_BYTES: Final = HEADER_BYTES + ENC_BYTES


class UnknownKey(CallerError):
    """A request is encrypted to a key, or with algorithms, that the node does not have."""

    code = "unknown_encryption_key"


class Receiver:
    """The keys of a node.

    Args:
        identities: the current generation first, then those whose keys are still taken.
    """

    def __init__(self, identities: Sequence[NodeIdentity]) -> None:
        self._keys: dict[int, Any] = {}
        for identity in identities:
            self._keys.setdefault(
                KeyConfiguration.of(identity).key_id,
                pyhpke.KEMKey.from_pyca_cryptography_key(identity.agreement_key),
            )
        #: For callers (``application/ohttp-keys``): the current key.
        self.configurations = encode_configurations([KeyConfiguration.of(identities[0])])

    def begin(self, prefix: bytes, *, chunked: bool) -> SealedRequest:
        """A request that begins with ``prefix`` (:data:`PREFIX_BYTES`).

        Raises:
            UnknownKey.
            UndecryptableMessage: it is cut short, or its encapsulated key is none.
        """
        if len(prefix) != PREFIX_BYTES:
            raise UndecryptableMessage("the encrypted request is cut short")
        header, enc = prefix[:HEADER_BYTES], prefix[HEADER_BYTES:]
        key, aead = self._keys.get(header[0]), int.from_bytes(header[5:], "big")
        if key is None:
            raise UnknownKey("the request is encrypted to a key that this node does not have: get its key again")
        if aead not in AEADS or header != KeyConfiguration(header[0], b"").header(aead):
            raise UnknownKey("the request is encrypted with algorithms that the node's key does not name")
        try:
            context = hpke_suite(aead).create_recipient_context(enc, key, info_of(header, chunked=chunked))
        except (pyhpke.PyHPKEError, ValueError):
            raise _undecryptable() from None
        return SealedRequest(context, aead, enc, chunked)


class SealedRequest:
    """A request that is being opened, and then answered.

    Attributes:
        enc: its encapsulated key, which is another one for every request: 32 bytes.
        proven: something of it has been opened, so that whoever sent it can open what is sealed for it.
    """

    def __init__(self, context: Any, aead: int, enc: bytes, chunked: bool) -> None:
        self._context, self._aead, self.enc, self._chunked = context, aead, enc, chunked
        self.proven = False

    def open(self, sealed: bytes, label: bytes = b"") -> bytes:
        """The request, or its next chunk.

        Raises:
            UndecryptableMessage: the request has been changed, or is encrypted to another key of that identifier.
        """
        try:
            opened: bytes = self._context.open(sealed, label)
        except pyhpke.PyHPKEError:
            raise _undecryptable() from None
        self.proven = True
        return opened

    def chunks(self) -> ChunkDecoder:
        """Opens what follows the prefix of a request in chunks."""
        return ChunkDecoder(self.open)

    def answer(self, entropy: Callable[[int], bytes] = os.urandom) -> tuple[bytes, ResponseCipher]:
        """What the response begins with, and what seals the rest of it; of new entropy each time."""
        nonce = entropy(nonce_bytes(self._aead))
        secret = exported(self._context, self._aead, chunked=self._chunked)
        return nonce, ResponseCipher(self._aead, secret, self.enc, nonce)


def _undecryptable() -> UndecryptableMessage:
    return UndecryptableMessage("the request cannot be decrypted: it is damaged, or encrypted to another key")

"""Key agreement on Ristretto (node-and-gateway 3.5.11): both sides compute the point ``a*B = b*A``.

The scalars are those of sr25519 secrets: already reduced, so they are used as they are, without the clamping of X25519.
The multiplication is libsodium's, in constant time, from the wheel ``rbcl``. It is loaded at the first use, which takes
0.1 s and a file in the temporary folder; ``load`` does that beforehand.
"""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from wapo.errors import CallerError
from wapo.trust.schnorr import CryptoUnusable

__all__ = ["SHARED_BYTES", "InvalidAgreementKey", "load", "shared_point"]

SHARED_BYTES: Final = 32


class InvalidAgreementKey(CallerError):
    """A public key with which no key can be agreed: no point of Ristretto, or its identity."""

    code = "invalid_agreement_key"


def shared_point(secret: bytes, public: bytes) -> bytes:
    """The compressed point (32 bytes) that a 64-byte sr25519 secret has in common with another's public key.

    It is the original's AES key as it is; anything new derives keys from it.

    Raises:
        InvalidAgreementKey: not 32 bytes, not the canonical encoding of a point, or the identity, with which the
            result would be known to everybody.
        CryptoUnusable: libsodium cannot be loaded.
    """
    if len(public) != SHARED_BYTES:
        raise InvalidAgreementKey(f"a public key has {SHARED_BYTES} bytes, not {len(public)}")
    try:
        return load()(secret[:SHARED_BYTES], public)
    except RuntimeError:  # libsodium refuses both in one
        raise InvalidAgreementKey("the public key is not a point to agree with") from None


@cache
def load() -> Callable[[bytes, bytes], bytes]:
    """libsodium's multiplication, once it has shown that it computes the example of node-and-gateway 10.

    Raises:
        CryptoUnusable: it cannot be loaded, or computes something else.
    """
    try:
        import rbcl
    except (ImportError, OSError, RuntimeError) as error:
        raise CryptoUnusable(
            f"libsodium cannot be loaded, which needs a temporary folder that programs may run from: {error}"
        ) from error
    _tidy()
    multiply: Callable[[bytes, bytes], bytes] = rbcl.crypto_scalarmult_ristretto255
    scalar = bytes.fromhex("87d29d94134be13d30adc66e053ca9aab38d02c8db5bc23cb4249ef0e3dff10d")
    point = bytes.fromhex("50780547322a1ceba67ea8c552c9bc6c686f8698ac9a8cafab7cd15a1db19859")
    if multiply(scalar, point).hex() != "5ceb494f1e694c496899c8f24925bada9574b137cd793fd5c9c4039a4de45976":
        raise CryptoUnusable("libsodium, as rbcl has it, agrees on other keys than it must")
    return multiply


def _tidy() -> None:
    """Removes what loading rbcl leaves behind: a copy of libsodium (2.8 MB) on disk and another in memory."""
    module = vars(sys.modules["rbcl._sodium"])
    module.pop("sodium_bs", None)
    if "lib_path" in module:
        Path(module["lib_path"]).unlink(missing_ok=True)

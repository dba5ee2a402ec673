"""Accounts as people write them (node-and-gateway 3.5.2): SS58, hex, or nothing.

SS58 is base58 of ``prefix (1 or 2 bytes) | account (32) | checksum (2)``, the checksum being the first bytes of
blake2b-512 of ``SS58PRE``, prefix and account. The prefix names a network; any but the reserved ones is accepted, and
none is kept: an account is the same 32 bytes on all networks.
"""

import hashlib
import re
from typing import Final

import libipld

from wapo.errors import CallerError

__all__ = ["ACCOUNT_BYTES", "InvalidAccount", "decode_account"]

ACCOUNT_BYTES: Final = 32
_MAX_TEXT: Final = 64
_CHECKSUM_BYTES: Final = 2
_RESERVED: Final = frozenset({46, 47})
_BASE58: Final = re.compile(r"[1-9A-HJ-NP-Za-km-z]+", re.ASCII)


class InvalidAccount(CallerError):
    """A text that is not an account."""

    code = "invalid_account"

    def __init__(self, detail: str) -> None:
        super().__init__(f"invalid account: {detail}")


def decode_account(text: str) -> bytes:
    """The 32 bytes of an account: SS58, ``0x`` and 64 hex digits, or empty for 32 zero bytes.

    Raises:
        InvalidAccount: none of these.
    """
    if not text:
        return bytes(ACCOUNT_BYTES)
    if text[:2] == "0x":
        return _from_hex(text[2:])
    if len(text) > _MAX_TEXT or not _BASE58.fullmatch(text):
        raise InvalidAccount("neither base58 nor 0x and hex digits")
    return _from_ss58(libipld.decode_multibase("z" + text)[1])


def _from_hex(digits: str) -> bytes:
    if len(digits) != 2 * ACCOUNT_BYTES or not re.fullmatch("[0-9a-fA-F]+", digits):
        raise InvalidAccount(f"{2 * ACCOUNT_BYTES} hex digits are expected after 0x")
    return bytes.fromhex(digits)


def _from_ss58(data: bytes) -> bytes:
    # 64 to 127 begin a prefix of two bytes, above is reserved; the first bits are placed so that they read in base58.
    prefix_bytes = 1 if data[0] < 64 else 2
    if data[0] >= 128 or len(data) != prefix_bytes + ACCOUNT_BYTES + _CHECKSUM_BYTES:
        raise InvalidAccount("not the length of an address of 32 bytes")
    if prefix_bytes == 2 and not _two_byte_prefix(data) >= 64:
        raise InvalidAccount("the network's prefix is not in its shortest form")
    if prefix_bytes == 1 and data[0] in _RESERVED:
        raise InvalidAccount("the network's prefix is reserved")
    body, checksum = data[:-_CHECKSUM_BYTES], data[-_CHECKSUM_BYTES:]
    if hashlib.blake2b(b"SS58PRE" + body).digest()[:_CHECKSUM_BYTES] != checksum:
        raise InvalidAccount("the checksum is wrong: there is a typing error in it")
    return body[prefix_bytes:]


def _two_byte_prefix(data: bytes) -> int:
    """``00aaaaaa aabbbbbb`` comes as ``01aaaaaa bbbbbbaa``."""
    low = (data[0] & 0x3F) << 2 | data[1] >> 6
    return low | (data[1] & 0x3F) << 8

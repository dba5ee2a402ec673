"""Result words and error codes of ocalls (wapo-abi.md 2.3 and 4.1).

A result word is an i64: the upper half is 0 for Ok and 1 for Err, the lower half is the value or the error code.
"""

from enum import IntEnum
from typing import Final

__all__ = ["ERR", "PENDING", "OcallError", "OcallFailure", "ok", "signed"]

ERR: Final = 1 << 32


class OcallError(IntEnum):
    """Error codes. 6 is unassigned and must never be returned: the Rust SDK panics on it."""

    UNKNOWN_CALL_NUMBER = 1
    INVALID_ADDRESS = 2
    INVALID_PARAMETER = 3
    INVALID_ENCODING = 4
    NO_MEMORY = 5
    NOT_FOUND = 7
    UNSUPPORTED_OPERATION = 8
    IO_ERROR = 9
    RESOURCE_LIMITED = 10
    PENDING = 11
    END_OF_FILE = 12
    ALREADY_EXISTS = 15
    FORBIDDEN = 17
    CONDITION_ERROR = 18


PENDING: Final = ERR | OcallError.PENDING


class OcallFailure(Exception):
    """An ocall that ends in an error code. Raised by handlers, turned into a result word by the dispatcher."""

    def __init__(self, code: OcallError) -> None:
        super().__init__(code.name)
        self.code = code


def ok(value: int) -> int:
    """The result word of a signed or unsigned 32-bit value."""
    return value & 0xFFFFFFFF


def signed(value: int) -> int:
    """The i32 of an unsigned 32-bit argument."""
    return value - (1 << 32) if value & 0x80000000 else value

"""Requests of the border, as a guest packs them."""

import struct

from wapo.abi.results import OcallFailure
from wapo.vm.crypto.operations import perform
from wapo.vm.crypto.request import Request

#: The libraries of both sides, by the numbers of the border.
HASH_NUMBERS = (1, 2, 3, 4)


def encode(
    operation: int, a: int = 0, b: int = 0, c: int = 0, *, key: bytes = b"", param: bytes = b"", data: bytes = b"",
    extra: bytes = b"",
) -> bytes:  # fmt: skip
    """A request as bytes."""
    parts = (key, param, data, extra)
    return struct.pack("<8I", operation, a, b, c, *map(len, parts)) + b"".join(parts)


def do(operation: int, a: int = 0, b: int = 0, c: int = 0, **parts: bytes) -> bytes:
    """The result of a request."""
    return perform(Request.decode(encode(operation, a, b, c, **parts)))


def code(operation: int, a: int = 0, b: int = 0, c: int = 0, **parts: bytes) -> int:
    """The error code of a request, 0 if it succeeds."""
    try:
        do(operation, a, b, c, **parts)
    except OcallFailure as failure:
        return int(failure.code)
    return 0

"""Which encoded points are no key of Ed25519 (RFC 8032): those that everybody can sign for, and second spellings."""

from typing import Final

__all__ = ["POINT_BYTES", "is_usable_point"]

POINT_BYTES: Final = 32

_PRIME: Final = 2**255 - 19
_Y8: Final = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
#: y of the eight points of small order: zeros among them. libsodium refuses them, too.
_LOW_ORDER: Final = frozenset({0, 1, _Y8, _PRIME - _Y8, _PRIME - 1})


def is_usable_point(encoded: bytes) -> bool:
    """Whether it has the length, and the only spelling, of a point of large order. It may be off the curve."""
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    return len(encoded) == POINT_BYTES and y < _PRIME and y not in _LOW_ORDER

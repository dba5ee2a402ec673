"""What programs of the predecessor, SideVM, have beside or instead of Wapo's calls (wapo-abi.md 3.3, 11.3).

241, a query to a contract, is not here: there are no contracts, and such a call answers 1.
"""

from typing import TYPE_CHECKING, Final

from wapo.abi.results import ERR, OcallError, OcallFailure
from wapo.scale.primitives import encode_bytes
from wapo.vm.local_cache import LocalCache
from wapo.vm.ocalls.core import create_channel
from wapo.vm.ocalls.dispatch import Handlers

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["LEGACY"]

#: System messages, general messages (on which nothing is ever sent), queries, HTTP requests.
_CHANNELS: Final = (1, 2, 3, 4)
_MAX_ENTRY_BYTES: Final = 4 << 20


def gas_remaining(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """203, which is Wapo's reset_timer: percent of a budget that there is none of."""
    return 100


def _cache(guest: "Guest") -> LocalCache:
    cache = guest.services.local_cache(guest)
    if cache is None:
        raise OcallFailure(OcallError.UNKNOWN_CALL_NUMBER)
    return cache


def _bytes(guest: "Guest", pointer: int, length: int) -> bytes:
    guest.instance.check(pointer, length)
    if length > _MAX_ENTRY_BYTES:
        raise OcallFailure(OcallError.RESOURCE_LIMITED)
    return guest.instance.read(pointer, length)


def _option(value: bytes | None) -> bytes:
    return b"\x00" if value is None else b"\x01" + encode_bytes(value)


def local_cache_get(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> bytes:
    return _option(_cache(guest).get(_bytes(guest, p0, p1)))


def local_cache_set(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    guest.instance.check(p2, p3)
    key, value = _bytes(guest, p0, p1), _bytes(guest, p2, p3)
    return 0 if _cache(guest).set(key, value) else ERR | OcallError.RESOURCE_LIMITED


def local_cache_set_expiration(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """The original combined the halves wrongly, so that every key was removed (2.10)."""
    _cache(guest).set_lifetime(_bytes(guest, p0, p1), p2 << 32 | p3)
    return 0


def local_cache_remove(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> bytes:
    return _option(_cache(guest).remove(_bytes(guest, p0, p1)))


def create_input_channel(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int | bytes:
    return create_channel(guest, p0, _CHANNELS)


LEGACY: Final[Handlers] = {
    203: gas_remaining,
    230: local_cache_get,
    231: local_cache_set,
    232: local_cache_set_expiration,
    233: local_cache_remove,
    240: create_input_channel,
}

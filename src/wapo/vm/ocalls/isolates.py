"""Isolates (docs/abi.md, 1200): JavaScript that a program wants run in a machine of its own."""

import math
import struct
from typing import TYPE_CHECKING, Final

from wapo.abi.results import OcallError, OcallFailure
from wapo.vm.ocalls.dispatch import Handlers
from wapo.vm.services import IsolateRequest

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["ISOLATES"]

_HEAD: Final = struct.Struct("<dd32s")
_LEAST_MEMORY_BYTES: Final = 131072
_MAX_TEXT_BYTES: Final = 32 << 20
_INVALID: Final = OcallError.INVALID_PARAMETER


def isolate_open(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1200: starts the isolate described at ``[p0, p0+p1)``; the result is its resource.

    Encoding: f64 bytes of memory and f64 milliseconds, each -1 for no limit of its own; 32 bytes that name the code;
    and the text that the engine is given. Errors: 3 malformed, 8 there are none here, 10 too many.
    """
    guest.instance.check(p0, p1)
    guest.meter.gas += 10_000 + p1 // 128
    if not _HEAD.size <= p1 <= _HEAD.size + _MAX_TEXT_BYTES:
        raise OcallFailure(_INVALID)
    data = guest.instance.read(p0, p1)
    memory, milliseconds, code = _HEAD.unpack_from(data)
    if not _is_limit(memory, _LEAST_MEMORY_BYTES) or not _is_limit(milliseconds, 0):
        raise OcallFailure(_INVALID)
    request = IsolateRequest(
        memory_bytes=None if memory < 0 else int(memory), time_s=None if milliseconds < 0 else milliseconds / 1000,
        code=code, text=data[_HEAD.size :],
    )  # fmt: skip
    return guest.table.add(guest.services.open_isolate(guest, request))


def _is_limit(number: float, least: int) -> bool:
    return number == -1 or (math.isfinite(number) and number >= least)


ISOLATES: Final[Handlers] = {1200: isolate_open}

"""Time zones for guests (docs/abi.md, 1040): the IANA data base of the machine, or of the ``tzdata`` package."""

import math
import re
import struct
import zoneinfo
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Final

from wapo.abi.results import OcallError, OcallFailure
from wapo.vm.ocalls.dispatch import Handlers

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["TIME_ZONES"]

_MAX_NAME_BYTES: Final = 63
_NAME: Final = re.compile(r"[A-Za-z0-9_+\-/]+")
_MOMENT: Final = struct.Struct("<d")
_ANSWER: Final = struct.Struct("<iI")
#: What ``datetime`` can name with a day to spare on both sides, in seconds since the epoch.
_FIRST: Final = datetime(1, 1, 3, tzinfo=UTC).timestamp()
_LAST: Final = datetime(9999, 12, 29, tzinfo=UTC).timestamp()
#: Names of the data base that are no places: the machine's own zone is not the guest's business.
_NO_ZONES: Final = frozenset({"localtime", "posixrules", "Factory"})


@cache
def _names() -> dict[str, str]:
    """Every zone's name by its lower-cased name. The package has a list; to ask the machine is to open 600 files."""
    try:
        names = set(resources.files("tzdata").joinpath("zones").read_text("ascii").split())
    except (ModuleNotFoundError, FileNotFoundError):
        names = zoneinfo.available_timezones()
    return {name.lower(): name for name in names - _NO_ZONES}


def time_zone(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1040: zone ``[p0, p0+p1)`` at the moment in ms (f64) at p2; the answer and the zone's name go to p3."""
    guest.meter.gas += 2000
    if p1 > _MAX_NAME_BYTES:
        raise OcallFailure(OcallError.NOT_FOUND)
    asked = guest.instance.read(p0, p1).decode("ascii", "replace")
    name = _names().get(asked.lower()) if _NAME.fullmatch(asked) else None
    if name is None:
        raise OcallFailure(OcallError.NOT_FOUND)
    (ms,) = _MOMENT.unpack(guest.instance.read(p2, _MOMENT.size))
    if math.isnan(ms):
        raise OcallFailure(OcallError.INVALID_PARAMETER)
    moment = datetime.fromtimestamp(min(max(ms / 1000, _FIRST), _LAST), UTC).astimezone(zoneinfo.ZoneInfo(name))
    offset, summer = moment.utcoffset() or timedelta(), moment.dst() or timedelta()
    answer = _ANSWER.pack(int(offset.total_seconds()), bool(summer)) + name.encode()
    guest.instance.write(p3, answer)
    return len(answer)


TIME_ZONES: Final[Handlers] = {1040: time_zone}

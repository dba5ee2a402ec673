"""Time zones (docs/abi.md, 1040)."""

import struct

import pytest

from tests.vm.puppet import BUFFER, Puppet
from wapo.abi.results import ERR, OcallError
from wapo.engine.engine import Engine

WINTER, SUMMER = 1704067200000.0, 1719792000000.0
AT, ANSWER = BUFFER + 1000, BUFFER + 1100


async def ask(puppet: Puppet, name: bytes, ms: float) -> tuple[int, tuple[int, int], bytes]:
    """The result, what it says of the moment, the name as it is written."""
    puppet.put(struct.pack("<d", ms), AT)
    length = await puppet.call(1040, *puppet.put(name, BUFFER), AT, ANSWER)
    offset, summer = struct.unpack("<iI", puppet.get(8, ANSWER))
    return length, (offset, summer), puppet.get(length - 8, ANSWER + 8)


@pytest.mark.parametrize(
    ("name", "winter", "summer"),
    [
        (b"Europe/Berlin", (3600, 0), (7200, 1)),
        (b"America/New_York", (-18000, 0), (-14400, 1)),
        (b"Asia/Kolkata", (19800, 0), (19800, 0)),
        (b"UTC", (0, 0), (0, 0)),
    ],
)
async def test_offsets_in_winter_and_summer(
    engine: Engine, name: bytes, winter: tuple[int, int], summer: tuple[int, int]
) -> None:
    async with Puppet(engine) as puppet:
        assert await ask(puppet, name, WINTER) == (8 + len(name), winter, name)
        assert await ask(puppet, name.upper(), SUMMER) == (8 + len(name), summer, name)


@pytest.mark.parametrize("ms", [8.64e15, -8.64e15, float("inf"), float("-inf"), 1e300])
async def test_moments_beyond_the_calendar_are_its_ends(engine: Engine, ms: float) -> None:
    async with Puppet(engine) as puppet:
        length, (offset, _), name = await ask(puppet, b"Etc/GMT-5", ms)
        assert (length, offset, name) == (17, 18000, b"Etc/GMT-5")


@pytest.mark.parametrize(
    "name",
    [b"", b"Nowhere", b"localtime", b"../../etc/passwd", b"/etc/localtime", b"Europe", b"a" * 64, b"UTC\0", b"\xff"],
)
async def test_what_is_no_zone_is_not_found(engine: Engine, name: bytes) -> None:
    """The machine's own zone and its files are none of the guest's business."""
    async with Puppet(engine) as puppet:
        assert await puppet.call(1040, *puppet.put(name, BUFFER), AT, ANSWER) == ERR | OcallError.NOT_FOUND


async def test_no_number_and_no_memory(engine: Engine) -> None:
    async with Puppet(engine) as puppet:
        puppet.put(struct.pack("<d", float("nan")), AT)
        zone = puppet.put(b"UTC", BUFFER)
        assert await puppet.call(1040, *zone, AT, ANSWER) == ERR | OcallError.INVALID_PARAMETER
        for arguments in [(0xFFFFFFF0, 3, AT, ANSWER), (*zone, 0xFFFFFFFC, ANSWER), (*zone, AT, 0xFFFFFFFC)]:
            assert await puppet.call(1040, *arguments) == ERR | OcallError.INVALID_PARAMETER

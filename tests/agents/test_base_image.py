"""The base image: made once, kept on disk, and never believed when it was touched."""

from pathlib import Path

import pytest

from tests.agents.support import open_workshop
from wapo.agents import making
from wapo.agents.making import make_base_image
from wapo.agents.profile import JavaScriptProfile
from wapo.engine.engine import Engine
from wapo.engine.modules import ModuleCache
from wapo.vm.scheduler import Scheduler

AGENT = "export default { fetch: () => new Response('hi') };"


@pytest.fixture
def kept(profile: JavaScriptProfile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of its own for what the shared profile keeps."""
    monkeypatch.setattr(profile, "files", ModuleCache(tmp_path / "kept").files)
    return tmp_path / "kept"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An entry for each time that the platform was really started."""
    seen: list[str] = []
    original = making._start_platform

    async def counting(profile: JavaScriptProfile, scheduler: Scheduler) -> object:
        seen.append("started")
        return await original(profile, scheduler)

    monkeypatch.setattr(making, "_start_platform", counting)
    return seen


async def test_it_is_made_once(profile: JavaScriptProfile, kept: Path, started: list[str]) -> None:
    """The second node finds what the first has left, and its agents answer."""
    for _ in range(3):
        async with open_workshop(profile) as workshop:
            response = await workshop.ask(await workshop.image(AGENT))
            assert response.body == b"hi"
    assert started == ["started"]


@pytest.mark.parametrize("at", [0, 8, 100_000, -1])
async def test_a_damaged_one_is_never_used(profile: JavaScriptProfile, kept: Path, started: list[str], at: int) -> None:
    """One byte of the memory that every guest starts from."""
    (await make_base_image(profile, Scheduler())).close()
    (path,) = kept.glob("base-*.image")
    good = path.read_bytes()
    damaged = bytearray(good)
    damaged[at] ^= 1
    path.write_bytes(damaged)
    async with open_workshop(profile) as workshop:
        assert (await workshop.ask(await workshop.image(AGENT))).body == b"hi"
    assert len(started) == 2
    assert path.read_bytes() != damaged
    (await make_base_image(profile, Scheduler())).close()
    assert len(started) == 2


async def test_another_guest_has_another_one(profile: JavaScriptProfile, kept: Path) -> None:
    (await make_base_image(profile, Scheduler())).close()
    assert [path.name for path in kept.glob("*.image")] == [f"base-1-{profile.module_hash}.image"]


async def test_the_platform_asks_for_nothing_but_the_time_when_it_starts(
    engine: Engine, profile: JavaScriptProfile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it asked for would be in the image of every later start. It draws a seed from the time, which every machine
    replaces; ocall 1001 says that there is no command."""
    import dataclasses

    from wapo.engine import linker
    from wapo.engine.linker import HostFunction, Linker

    asked: set[tuple[object, ...]] = set()

    def noting(function: HostFunction) -> HostFunction:
        def call(guest: object, *arguments: object) -> object:
            asked.add((function.name, arguments[1]) if "ocall" in function.name else (function.name,))
            return function.call(guest, *arguments)

        return dataclasses.replace(function, call=call)

    original = linker.Linker._define

    def define(self: Linker, function: HostFunction) -> None:
        original(self, noting(function))

    monkeypatch.setattr(linker.Linker, "_define", define)
    watched = JavaScriptProfile(engine, ModuleCache(profile.files.directory))
    try:
        (await making._start_platform(watched, Scheduler())).close()
    finally:
        watched.close()
    assert asked == {("clock_time_get",), ("ocall_fast_return", 1001)}

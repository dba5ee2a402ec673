"""Fixtures of WASI's tests: directories to grant, and C programs compiled for WASI."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.vm.support import Recorder
from tests.vm.wasi.caller import Caller
from wapo.engine.engine import Engine
from wapo.engine.linker import LinkedModule
from wapo.engine.modules import ModuleCache
from wapo.vm.ends import End
from wapo.vm.limits import GuestLimits
from wapo.vm.program import Program, ProgramLinker
from wapo.vm.scheduler import Scheduler
from wapo.vm.wasi import Grant, OpenGrant, WasiSettings, opened

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture
def granted(tmp_path: Path) -> Path:
    """The directory that ``given`` gives."""
    path = tmp_path / "granted"
    path.mkdir()
    return path


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A file beside it, which no guest may reach."""
    path = tmp_path / "secret.txt"
    path.write_text("secret")
    return path


@pytest.fixture
def given(granted: Path) -> Iterator[WasiSettings]:
    """A directory, as ``/data``."""
    with opened([Grant(granted, "/data")]) as directories:
        yield WasiSettings(directories)


@pytest.fixture
def shown(granted: Path) -> Iterator[WasiSettings]:
    """The same, but read-only."""
    with opened([Grant(granted, "/data", writable=False)]) as directories:
        yield WasiSettings(directories)


@pytest.fixture
async def guest(engine: Engine, given: WasiSettings) -> AsyncIterator[Caller]:
    """A caller that has ``/data``."""
    async with Caller(engine, wasi=given) as caller:
        yield caller


@pytest.fixture
async def reader(engine: Engine, shown: WasiSettings) -> AsyncIterator[Caller]:
    """A caller that has ``/data``, read-only."""
    async with Caller(engine, wasi=shown) as caller:
        yield caller


@dataclass
class Ran:
    """A program that has ended. Lines without the end of the line."""

    end: End
    out: list[str]
    err: list[str]


Run = Callable[..., Awaitable[Ran]]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """Compiles a program of ``programs/``; the compiler keeps what it has made, so the next session is quick."""
    folder = tmp_path_factory.mktemp("programs")

    def compiled(name: str) -> bytes:
        target = folder / f"{name}.wasm"
        if not target.exists():
            command = [
                sys.executable, "-m", "ziglang", "cc", "--target=wasm32-wasi", "-mexec-model=reactor", "-O2", "-s",
                "-Wall", "-Wextra", "-Werror", "-o", str(target), str(PROGRAMS / f"{name}.c"),
            ]  # fmt: skip
            subprocess.run(command, check=True, timeout=300)
        return target.read_bytes()

    return compiled


@pytest.fixture(scope="session")
def program(
    engine: Engine, module_cache: ModuleCache, build: Callable[[str], bytes]
) -> Iterator[Callable[[str], Program]]:
    """Links a program of ``programs/``."""
    linker = ProgramLinker(engine)
    linked: dict[str, Program] = {}

    def get(name: str) -> Program:
        if name not in linked:
            linked[name] = linker.link(module_cache.get(engine, build(name)))
        return linked[name]

    yield get
    modules: list[LinkedModule] = [item.linked for item in linked.values()]
    for module in modules:
        module.close()
    linker.close()


@pytest.fixture
def run(program: Callable[[str], Program]) -> Run:
    """Runs a program of ``programs/`` to its end: ``await run("files", wasi=given)``."""

    async def ran(name: str, *, limits: GuestLimits | None = None, **options: Any) -> Ran:
        services = Recorder()
        ended = asyncio.Event()
        guest = program(name).start(Scheduler(), services, limits or GuestLimits(burst_s=10, time_s=30), **options)
        guest.on_end(lambda _end: ended.set())
        async with asyncio.timeout(40):
            await ended.wait()
        assert guest.ended is not None
        return Ran(
            guest.ended,
            [text for level, text in services.lines if level == 3],
            [text for level, text in services.lines if level == 1],
        )

    return ran


__all__ = ["OpenGrant", "Ran", "Run"]

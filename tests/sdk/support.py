"""Programs of the C SDK as guests: built once (and kept in the user's cache), started with a real network."""

import asyncio
import contextlib
import importlib.util
import shutil
import socket
import struct
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from tests.vm.support import Recorder
from wapo.engine.engine import Engine
from wapo.engine.modules import Module, ModuleCache, compile_module
from wapo.vm.ends import End, EndReason
from wapo.vm.guest import Guest
from wapo.vm.limits import GuestLimits
from wapo.vm.net.network import Network
from wapo.vm.program import Program, ProgramLinker
from wapo.vm.scheduler import Scheduler

__all__ = ["EXAMPLES", "GUESTS", "SDK", "Host", "Started", "build", "built", "reset", "run_tool"]

SDK = Path(__file__).parents[2] / "guest" / "sdk"
EXAMPLES = SDK / "examples"
#: Programs that test the library from inside.
GUESTS = Path(__file__).parent / "guests"


def _builder() -> Any:
    spec = importlib.util.spec_from_file_location("wapo_sdk_build", SDK / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


#: ``guest/sdk/build.py``.
build = _builder()


@lru_cache
def built(source: Path, *options: str) -> bytes:
    """The WebAssembly of a program; warnings are errors."""
    with tempfile.TemporaryDirectory() as scratch:
        return bytes(build.build([source], Path(scratch, "program.wasm"), ["-Werror", *options]).read_bytes())


class Started:
    """A program that runs. What it logs is in ``lines``."""

    def __init__(self, guest: Guest, services: Recorder, ports: list[int]) -> None:
        self.guest = guest
        self._services = services
        self._ports = ports
        self._writers: list[asyncio.StreamWriter] = []
        self._ended = asyncio.Event()
        guest.on_end(lambda _end: self._ended.set())

    @property
    def lines(self) -> list[str]:
        """What it has logged, without levels."""
        return [text for _, text in self._services.lines]

    async def until(self, condition: Callable[[], Any], limit_s: float = 30.0) -> None:
        """Lets the loop run until something is so."""
        async with asyncio.timeout(limit_s):
            while not condition():
                await asyncio.sleep(0.001)

    async def port(self) -> int:
        """The port that it listens on."""
        await self.until(lambda: self._ports or self.guest.ended)
        assert self._ports, f"{self.guest.ended}: {self.lines}"
        return self._ports[0]

    async def end(self, limit_s: float = 60.0) -> End:
        """How it ended, when it has."""
        async with asyncio.timeout(limit_s):
            await self._ended.wait()
        assert self.guest.ended is not None
        return self.guest.ended

    async def succeeds(self) -> None:
        """It ends by itself, with exit code 0."""
        end = await self.end()
        assert (end.reason, end.code) == (EndReason.EXITED, 0), f"{end} {end.detail}: {self.lines}"

    async def connect(self, limit: int = 1 << 16) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TCP connection to it, closed with it if not before. The client reads ahead twice ``limit`` bytes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", await self.port(), limit=limit)
        self._writers.append(writer)
        return reader, writer

    async def aclose(self) -> None:
        """Closes its clients' connections."""
        for writer in self._writers:
            writer.transport.abort()
        for writer in self._writers:
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    @property
    def connections(self) -> int:
        """How many a server has: the timer and the listener are resources too."""
        return len(self.guest.table) - 2


def reset(writer: asyncio.StreamWriter) -> None:
    """Closes a client's connection the hard way: the peer gets a reset, not an end."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def run_tool(name: str, *args: str, stdin: bytes | None = None, limit_s: float = 30.0) -> bytes:
    """The output of a command that users have; the test is skipped where it is not installed."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    process = await asyncio.create_subprocess_exec(
        path, *args, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(limit_s):
            output, errors = await process.communicate(stdin)
    except BaseException:
        process.kill()
        await process.wait()
        raise
    assert process.returncode == 0, errors.decode(errors="replace")
    return output


class Host:
    """Starts programs. One engine, whose code counts fuel as a node's does."""

    def __init__(self, engine: Engine, cache: ModuleCache, network: Network) -> None:
        self._engine = engine
        self._cache = cache
        self.network = network
        self.scheduler = Scheduler()

    @asynccontextmanager
    async def start(
        self, source: Path, *args: str, env: Mapping[str, str] | None = None, services: Recorder | None = None,
        limits: GuestLimits | None = None, linker: ProgramLinker | None = None, options: tuple[str, ...] = (),
    ) -> AsyncIterator[Started]:  # fmt: skip
        """A program for a block; stopped after it. ``args`` come after its name."""
        program = self._link(built(source, *options), linker)
        chosen = services or Recorder()
        if chosen.network is None:
            chosen.network = self.network
        ports: list[int] = []
        self.network.on_listen = lambda _owner, port: ports.append(port)
        guest = program.start(
            self.scheduler, chosen, limits or GuestLimits(burst_s=20.0, time_s=120.0), owner=source.stem,
            args=(source.stem, *args), env=tuple((env or {}).items()),
        )  # fmt: skip
        started = Started(guest, chosen, ports)
        try:
            yield started
        finally:
            self.scheduler.stop_all()
            await started.aclose()

    def _link(self, wasm: bytes, linker: ProgramLinker | None) -> Program:
        if linker is None:
            return _program(self._engine, self._cache, wasm)
        return linker.link(compile_module(self._engine, wasm))


@lru_cache
def _module(engine: Engine, cache: ModuleCache, wasm: bytes) -> Module:
    return cache.get(engine, wasm)


@lru_cache
def _program(engine: Engine, cache: ModuleCache, wasm: bytes) -> Program:
    return ProgramLinker(engine).link(_module(engine, cache, wasm))

"""A WebAssembly program in the foreground, with this process's stdin, stdout and stderr."""

import asyncio
import contextlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from wapo.cli.output import fail, log_line, note, working
from wapo.engine.engine import Engine
from wapo.engine.modules import ModuleCache
from wapo.node.settings import default_cache_dir
from wapo.vm.egress import EgressPolicy
from wapo.vm.foreground import ForegroundServices, ProgramOutcome, ProgramRun, run_program
from wapo.vm.http_client import HttpClient
from wapo.vm.limits import GuestLimits
from wapo.vm.net.network import Network, NetworkSettings
from wapo.vm.program import Program, ProgramLinker
from wapo.vm.wasi import BytesInput, DescriptorInput, DescriptorOutput, Grant, Input, WasiSettings, opened

__all__ = ["ProgramOptions", "grant_of", "run_program_file"]

_NOBODY_READS: Final = "nobody reads its output any more"


@dataclass(frozen=True, slots=True)
class ProgramOptions:
    """What a program is given.

    Attributes:
        words: its arguments, with what it is called by.
        has_stdin: whether stdin is the program's: it is not if the module came from there.
    """

    words: Sequence[str]
    environment: Mapping[str, str]
    grants: tuple[Grant, ...]
    listen_ports: tuple[int, int] | None
    tls_port: int | None
    egress: EgressPolicy
    extra_roots: tuple[str, ...]
    has_stdin: bool


def grant_of(text: str) -> Grant:
    """``HOST[::NAME][:ro]``. Without a name, the program knows a directory by the host's."""
    writable = not text.endswith(":ro")
    host, _, name = text.removesuffix(":ro").partition("::")
    return Grant(Path(host), name or host, writable)


async def run_program_file(source: bytes, limits: GuestLimits, options: ProgramOptions) -> int:
    """Runs it to its end; the exit code.

    Raises:
        InvalidModule, UnknownImport: it is no program.
        CannotGrant, TlsPortFailed, UnusableCaFile: something cannot be given to it.
        BrokenPipeError: nobody read its output any more.
    """
    with contextlib.ExitStack() as stack:
        directories = stack.enter_context(opened(options.grants))
        with working("Compiling"):
            engine = stack.enter_context(Engine().opened())
            linker = ProgramLinker(engine)
            stack.callback(linker.close)
            modules = ModuleCache(default_cache_dir() / "modules")
            program = linker.link(await asyncio.to_thread(modules.get, engine, source))
        run = ProgramRun()
        wasi = WasiSettings(directories, _stdin(options.has_stdin), _output(sys.stdout, run), _output(sys.stderr, run))
        outcome = await _run(program, limits, options, wasi, run)
    if run.given_up:
        raise BrokenPipeError
    return _finish(outcome)


async def _run(
    program: Program, limits: GuestLimits, options: ProgramOptions, wasi: WasiSettings, run: ProgramRun
) -> ProgramOutcome:
    settings = NetworkSettings(
        listen_ports=options.listen_ports, tls_port=options.tls_port, verify_sni_certificates=False,
        extra_roots=options.extra_roots,
    )  # fmt: skip
    async with (
        HttpClient(options.egress, options.extra_roots) as client,
        Network(options.egress, client.resolver, settings) as network,
    ):
        network.on_listen = lambda _owner, port: note(f"listening on port {port}")
        services = ForegroundServices(client, network, log_line)
        return await run_program(
            program, services, limits, args=options.words, env=options.environment.items(), wasi=wasi, run=run
        )


def _stdin(own: bool) -> Input:
    with contextlib.suppress(OSError, ValueError):  # closed, or not the system's
        if own:
            return DescriptorInput(sys.stdin.fileno())
    return BytesInput()


def _output(stream: TextIO, run: ProgramRun) -> DescriptorOutput | None:
    """None, which is the log, where there is no such descriptor."""
    with contextlib.suppress(OSError, ValueError):
        return DescriptorOutput(stream.fileno(), lambda: run.give_up(_NOBODY_READS))
    return None


def _finish(outcome: ProgramOutcome) -> int:
    if outcome.output is not None:
        sys.stdout.buffer.write(outcome.output)
        sys.stdout.buffer.flush()
    if outcome.failure is not None:
        fail(outcome.failure)
    return outcome.code

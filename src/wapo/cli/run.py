"""``wapo run``: a script in the foreground. Its log goes to stderr, its result to stdout."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from wapo.agents.conventions import OutputKind
from wapo.agents.foreground import Outcome, run_script
from wapo.agents.profile import JavaScriptProfile
from wapo.cli.main import checked, run_async
from wapo.cli.options import MaxBurst, MaxMemory, MaxTime, limits_of
from wapo.cli.output import fail, working
from wapo.engine.engine import Engine
from wapo.engine.modules import ModuleCache
from wapo.errors import CallerError
from wapo.node.settings import default_cache_dir
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient

__all__ = ["run"]

_LEVELS: Final = {1: "error", 2: "warn", 3: "", 4: "debug", 5: "trace"}
_STDIN: Final = Path("-")
_UNLIMITED: Final = float("inf")


class CannotRun(CallerError):
    """The file or an option cannot be used."""

    code = "cannot_run"


def run(
    file: Annotated[Path, typer.Argument(help="A JavaScript file; - reads stdin.", metavar="FILE", show_default=False)],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            help="Its scriptArgs. Write -- before those that begin with a dash.",
            metavar="ARGUMENT",
            show_default=False,
        ),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", "-e", help="A value for process.env; may be repeated.", metavar="NAME=VALUE"),
    ] = None,
    allow_private: Annotated[
        bool,
        typer.Option("--allow-private/--deny-private", help="Connections to private and loopback addresses."),
    ] = True,
    max_memory: MaxMemory = None,
    max_time: MaxTime = None,
    max_burst: MaxBurst = None,
) -> None:
    """Run a script to its end: its log to stderr, its result to stdout, its failure as exit code 1.

    The result is scriptOutput, what the exported function returns, or the value of the last expression. Time and CPU
    are limited only if limits are given: it is your own script on your own machine.
    """
    limits = checked(lambda: limits_of(
        memory_bytes=max_memory,
        time_s=_UNLIMITED if max_time is None else max_time,
        burst_s=_UNLIMITED if max_burst is None else max_burst,
        request_bytes=1 << 30,
    ))  # fmt: skip
    environment = checked(lambda: dict(map(_pair, env or ())))

    async def work() -> int:
        source = _read(file)
        with working("Starting"):
            engine = Engine()
            profile = await asyncio.to_thread(JavaScriptProfile, engine, ModuleCache(default_cache_dir() / "modules"))
        with engine.opened():
            try:
                async with HttpClient(EgressPolicy(allow_private=allow_private)) as client:
                    outcome = await run_script(
                        profile, client, source, name="<stdin>" if file == _STDIN else file.name,
                        arguments=arguments or [], environment=environment, limits=limits.guest, log=_log,
                    )  # fmt: skip
            finally:
                profile.close()
        return _finish(outcome)

    run_async(work)


def _read(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == _STDIN else file.read_bytes()
    except OSError as error:
        raise CannotRun(f"{file} cannot be read: {error.strerror}") from None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CannotRun(f"{text!r} is not NAME=VALUE")
    return name, value


def _log(level: int, text: str) -> None:
    prefix = _LEVELS.get(level, "")
    sys.stderr.write(f"{prefix}: {text}\n" if prefix else f"{text}\n")
    sys.stderr.flush()


def _finish(outcome: Outcome) -> int:
    if outcome.failure is not None:
        fail(outcome.failure)
        return 1
    if outcome.kind is not OutputKind.NOTHING:
        sys.stdout.buffer.write(outcome.output)
        if outcome.kind is not OutputKind.BYTES:
            sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()
    return 0

"""``wapo run``: a script in the foreground. Its log goes to stderr, its result to stdout."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from wapo.agents.conventions import OutputKind
from wapo.agents.foreground import Outcome, run_script
from wapo.agents.profile import JavaScriptProfile
from wapo.cli.main import run_async
from wapo.cli.options import MaxBurst, MaxMemory, MaxTime, limits_of
from wapo.cli.output import note, working
from wapo.engine.engine import Engine
from wapo.engine.modules import ModuleCache
from wapo.errors import CallerError
from wapo.node.settings import default_cache_dir
from wapo.vm.egress import EgressPolicy
from wapo.vm.http_client import HttpClient

__all__ = ["run"]

_LEVELS = {1: "error", 2: "warn", 3: "", 4: "debug", 5: "trace"}


class CannotRun(CallerError):
    """The file or an option cannot be used."""

    code = "cannot_run"


def run(
    file: Annotated[Path, typer.Argument(help="A JavaScript file.", show_default=False)],
    arguments: Annotated[list[str] | None, typer.Argument(help="Its scriptArgs.", show_default=False)] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", "-e", help="A value for process.env; may be repeated.", metavar="NAME=VALUE"),
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private/--deny-private", help="Connections to private and loopback addresses.")
    ] = True,
    max_memory: MaxMemory = None,
    max_time: MaxTime = None,
    max_burst: MaxBurst = None,
) -> None:
    """Run a script to its end: its log to stderr, its result to stdout, its failure as exit code 1.

    The result is scriptOutput, what the exported function returns, or the value of the last expression. Time and CPU
    are limited only if limits are given: it is your own script on your own machine.
    """

    async def work() -> int:
        try:
            source = file.read_bytes()
        except OSError as error:
            raise CannotRun(f"{file} cannot be read: {error.strerror}") from None
        unlimited = float("inf")
        limits = limits_of(
            max_memory,
            unlimited if max_time is None else max_time,
            unlimited if max_burst is None else max_burst,
            request_bytes=1 << 30,
        )
        environment = dict(_pair(text) for text in env or ())
        with working("Starting"):
            engine = Engine()
            profile = await asyncio.to_thread(JavaScriptProfile, engine, ModuleCache(default_cache_dir() / "modules"))
        with engine.opened():
            try:
                async with HttpClient(EgressPolicy(allow_private=allow_private)) as client:
                    outcome = await run_script(
                        profile, client, source, name=file.name, arguments=arguments or [], environment=environment,
                        limits=limits.guest, log=_log,
                    )  # fmt: skip
            finally:
                profile.close()
        return _finish(outcome)

    run_async(work)


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
        note(f"error: {outcome.failure}")
        return 1
    if outcome.kind is not OutputKind.NOTHING:
        sys.stdout.buffer.write(outcome.output)
        if outcome.kind is not OutputKind.BYTES:
            sys.stdout.buffer.write(b"\n")
        sys.stdout.buffer.flush()
    return 0

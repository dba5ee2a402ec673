"""``wapo``: the command line."""

import sys
from collections.abc import Callable, Coroutine
from typing import Any

import typer
import uvloop

from wapo import __version__
from wapo.cli.output import fail
from wapo.errors import WapoError

__all__ = ["app", "main", "run_async"]

app = typer.Typer(
    name="wapo",
    help="Run programs that nobody has to trust: an agent answers at the hash of its code.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"wapo {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    """Options before a command."""


def run_async(work: Callable[[], Coroutine[Any, Any, int | None]]) -> None:
    """Runs a command's coroutine; its result is the exit code. Errors that are ours are one line, not a traceback."""
    try:
        code = uvloop.run(work())
    except WapoError as error:
        raise fail(str(error)) from None
    if code:
        raise typer.Exit(code)


def _register() -> None:
    """Commands are added here, so that each file has just its own."""
    from wapo.cli import inspect, limits, logs, publish, run, secret, serve

    app.command("serve")(serve.serve)
    app.command("run")(run.run)
    app.command("publish")(publish.publish)
    app.add_typer(secret.app, name="secret")
    app.command("logs")(logs.logs)
    app.command("inspect")(inspect.inspect)
    app.command("limits")(limits.limits)


def main() -> None:
    """The entry point of the ``wapo`` script."""
    _register()
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)

"""``wapo``: the command line."""

import gc
import importlib
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final

import typer
import uvloop
from typer.core import TyperGroup
from typer.main import get_command

from wapo import __version__
from wapo.cli.output import fail
from wapo.errors import WapoError

__all__ = ["app", "main", "run_async"]

#: Commands in the order of ``--help``: what each is called in the module of its name, and its first line of help. A
#: module is imported when its command runs: half of what ``serve`` needs takes a second to load.
COMMANDS: Final = {
    "serve": ("serve", "Run a node: agents answer at /ipfs/<cid>, each request in a machine of its own."),
    "run": ("run", "Run a script to its end: its log to stderr, its result to stdout, its failure as exit code 1."),
    "publish": ("publish", "Put a program into this node's store and print its address."),
    "secret": ("app", "Secrets that only one program gets."),
    "logs": ("logs", "Print a program's log, the oldest line first."),
    "inspect": ("inspect", "Say which convention a program follows, which image it got, and why."),
    "limits": ("limits", "Show or lower the limits of one program on this node."),
}


class _Commands(TyperGroup):
    """Loads a command's module when the command is invoked; what is listed are placeholders."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, _, rest = super().resolve_command(ctx, args)
        assert name is not None
        return name, load_command(name), rest


def load_command(name: str) -> Any:
    """The command itself, as click has it."""
    found = getattr(importlib.import_module(f"wapo.cli.{name}"), COMMANDS[name][0])
    if isinstance(found, typer.Typer):
        command = get_command(found)
    else:
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False, context_settings=_CONTEXT)
        alone.command(name)(found)
        command = get_command(alone)
    command.name = name
    return command


_CONTEXT: Final = {"help_option_names": ["-h", "--help"]}

app = typer.Typer(
    name="wapo",
    cls=_Commands,
    help="Run programs that nobody has to trust: an agent answers at the hash of its code.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings=_CONTEXT,
)


for _name, (_, _help) in COMMANDS.items():
    app.command(_name, help=_help)(lambda: None)


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


def main() -> None:
    """The entry point of the ``wapo`` script."""
    gc.set_threshold(20_000, 20, 50)  # a seventh of the start-up went into looking at modules that stay
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(141)

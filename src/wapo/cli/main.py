"""``wapo``: the command line.

Exit codes: 0 done; 1 it failed; 2 the command line is wrong; 130 interrupted; 141 nobody reads the output any more.
Whatever goes wrong is one sentence on stderr, never a traceback.
"""

import gc
import importlib
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar

import typer
import uvloop
from typer.core import TyperGroup
from typer.main import get_command

from wapo import __version__
from wapo.cli.output import fail, note
from wapo.errors import WapoError

__all__ = ["app", "checked", "main", "run", "run_async"]

_FAILED: Final = 1
_WRONG_USE: Final = 2
_INTERRUPTED: Final = 130
_NOBODY_READS: Final = 141

#: Commands in the order of ``--help``: what each is called in the module of its name, and its first line of help. A
#: module is imported when its command runs: half of what ``serve`` needs takes a second to load.
COMMANDS: Final = {
    "serve": ("serve", "Run a node: agents answer at /ipfs/<cid>, each request in a machine of its own."),
    "run": ("run", "Run a script or a WebAssembly program in the foreground, to its end."),
    "publish": ("publish", "Put a program into this node's store and print its address."),
    "secret": ("app", "Secrets that only one program gets."),
    "keys": ("app", "The keys that others know this node by."),
    "app": ("app", "WebAssembly programs that live on a node: deploy, query, watch, remove."),
    "logs": ("logs", "Print a program's log, the oldest line first."),
    "inspect": ("inspect", "Say which convention a program follows, which image it got, and why."),
    "limits": ("limits", "Show or lower the limits of one program on this node."),
    "backup": ("backup", "Copy all that a node knows into one file, while it runs."),
    "restore": ("restore", "Make a node's directory from a backup, or check one."),
    "verify": ("verify", "Verify a node, or what it has said, step by step."),
    "fetch": ("fetch", "Send a request that only the agent's node can read, and print the response."),
    "doctor": (
        "doctor",
        "Say what holds on this machine and in the node that runs on it, and what to do about the rest.",
    ),
    "types": ("types", "Print the types of programs for TypeScript: entry points and the Wapo global."),
}


_Made = TypeVar("_Made")


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
        alone = typer.Typer(rich_markup_mode="rich", add_completion=False, context_settings=_CONTEXT)
        alone.command(name)(found)
        command = get_command(alone)
    command.name = name
    _tidy(command)
    return command


def _tidy(command: Any) -> None:
    """Makes help what was written: paragraphs are wrapped at the terminal's width, not at the source's, and a flag is
    no option that wants a <bool>, as some versions of typer show it. (Markdown wraps, too, but takes <cid> for a
    tag.)"""
    if command.help:
        command.help = "\n\n".join(" ".join(part.split()) for part in command.help.split("\n\n"))
    for parameter in command.params:
        if getattr(parameter, "is_flag", False) and parameter.metavar is None:
            parameter.metavar = ""
    for inner in getattr(command, "commands", {}).values():
        _tidy(inner)


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
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version.", metavar=""
    ),
) -> None:
    """Options before a command."""


def run_async(work: Callable[[], Coroutine[Any, Any, int | None]]) -> None:
    """Runs a command's coroutine; its result is the exit code. What was loaded until now is not looked at by the
    collector any more."""
    gc.set_threshold(20_000, 20, 50)
    gc.freeze()
    gc.enable()
    try:
        code = uvloop.run(work())
    except WapoError as error:
        raise fail(str(error), _FAILED) from None
    except BrokenPipeError:
        _stop_writing()
        raise typer.Exit(_NOBODY_READS) from None
    if code:
        raise typer.Exit(code)


def checked(make: Callable[[], _Made], code: int = _WRONG_USE) -> _Made:
    """What is made of options; an error of ours then means that the command line is wrong, unless ``code`` says
    otherwise."""
    try:
        return make()
    except WapoError as error:
        raise fail(str(error), code) from None


def _stop_writing() -> None:
    """The interpreter flushes stdout at its end, and would complain once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line, this process's own if none is given; returns the exit code."""
    try:
        code: int | None = app(arguments, prog_name="wapo", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        return _INTERRUPTED
    except Exception as error:
        # click's, which some versions of typer import and others have a copy of.
        if not hasattr(error, "format_message"):
            raise
        return _explain(error)
    return code or 0


def _explain(error: Any) -> int:
    """A command line that click refuses."""
    if type(error).__name__ != "NoArgsIsHelpError":  # the help has been printed
        fail(error.format_message(), _WRONG_USE)
        if error.ctx is not None:
            note(f"See '{error.ctx.command_path} --help'.")
    return _WRONG_USE


def main() -> None:
    """The entry point of the ``wapo`` script."""
    try:
        code = run()
        sys.stdout.flush()
    except BrokenPipeError:
        _stop_writing()
        code = _NOBODY_READS
    sys.exit(code)

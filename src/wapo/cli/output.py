"""What commands print: progress for people, JSON for programs, errors without tracebacks."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import typer
from rich.console import Console

__all__ = ["fail", "note", "print_json", "working"]

_errors = Console(stderr=True, highlight=False)


def fail(message: str, code: int = 1) -> typer.Exit:
    """Says what went wrong; the caller raises what this returns."""
    _errors.print(f"[bold red]error:[/] {_plain(message)}")
    return typer.Exit(code)


def note(message: str) -> None:
    """A line for a person, beside the output of the command."""
    _errors.print(_plain(message))


def _plain(message: str) -> str:
    return message.replace("[", r"\[")


def print_json(value: Any) -> None:
    """One JSON value on stdout."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


@contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner while something takes longer; nothing where nobody looks."""
    if _errors.is_terminal:
        with _errors.status(what):
            yield
    else:
        yield

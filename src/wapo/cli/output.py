"""What commands print: progress for people, JSON for programs, errors without tracebacks."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import typer

__all__ = ["fail", "log_line", "note", "print_json", "printable", "working"]

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def fail(message: str, code: int = 1) -> typer.Exit:
    """Says what went wrong; the caller raises what this returns."""
    word = "\033[1;31merror:\033[0m" if sys.stderr.isatty() and not os.environ.get("NO_COLOR") else "error:"
    note(f"{word} {printable(message)}")  # which may quote a program, or its label
    return typer.Exit(code)


def note(message: str) -> None:
    """A line for a person, beside the output of the command. It is written as it is: a message is searched for and
    pasted, so it must not be broken at the width of a terminal."""
    sys.stderr.write(f"{message}\n")
    sys.stderr.flush()


_LEVELS: Final = {1: "error", 2: "warn", 3: "", 4: "debug", 5: "trace"}


def log_line(level: int, text: str) -> None:
    """A line of the log of what runs in the foreground."""
    prefix = _LEVELS.get(level, "")
    note(f"{prefix}: {text}" if prefix else text)


def print_json(value: Any) -> None:
    """One JSON value on stdout, on a line of its own."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def printable(text: str) -> str:
    """A stranger's text without the characters that a terminal would obey."""
    return _CONTROLS.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


@contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner while something takes longer; nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # takes longer to load than most commands run

    with Console(stderr=True).status(what):
        yield

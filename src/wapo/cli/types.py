"""``wapo types``: the TypeScript declarations of what a program finds."""

from importlib.resources import files
from typing import Final

import typer

__all__ = ["types"]

_FILE: Final = "wapo.d.ts"


def types() -> None:
    """Print the types of programs for TypeScript: entry points and the Wapo global.

    wapo types > wapo.d.ts
    """
    typer.echo((files("wapo.agents") / _FILE).read_text("utf-8"), nl=False)

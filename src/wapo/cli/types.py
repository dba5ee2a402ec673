"""``wapo types``: the types of Wapo for TypeScript."""

from importlib import resources

import typer

__all__ = ["types"]


def types() -> None:
    """Print wapo.d.ts: the entry points of agents and the Wapo global, for TypeScript.

    Put it beside your program: 'wapo types > wapo.d.ts'. 'wapo run' and 'wapo publish' take TypeScript without it too.
    """
    typer.echo(resources.files("wapo.agents").joinpath("wapo.d.ts").read_text("utf-8"), nl=False)

"""Options that several commands have, and the settings that they make."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from wapo.cli.values import size_option, time_option
from wapo.node.limits import AgentLimits
from wapo.node.settings import PUBLIC_UPSTREAMS, NodeSettings, default_data_dir
from wapo.vm.egress import EgressPolicy

__all__ = ["DataDir", "Json", "MaxBurst", "MaxMemory", "MaxTime", "Upstreams", "limits_of", "settings_of"]

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", help="Where the node keeps its keys, database and content.", show_default=str(default_data_dir())
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value, for programs.")]
MaxMemory = Annotated[
    Any, typer.Option("--max-memory", parser=size_option, help="Memory of one machine, up to 4GB.", metavar="SIZE")
]
MaxTime = Annotated[
    Any, typer.Option("--max-time", parser=time_option, help="Wall time of one run, or unlimited.", metavar="TIME")
]
MaxBurst = Annotated[
    Any,
    typer.Option("--max-burst", parser=time_option, help="CPU time between two waits, or unlimited.", metavar="TIME"),
]
Upstreams = Annotated[
    list[str] | None,
    typer.Option(
        "--upstream",
        help="A trustless IPFS gateway to fetch programs from; may be repeated. 'none': local only.",
        metavar="URL",
    ),
]


def _bounded(seconds: float) -> float | None:
    return None if seconds == float("inf") else seconds


def limits_of(memory: int | None, time: float | None, burst: float | None, **more: Any) -> AgentLimits:
    """The node's limits with what was given on the command line.

    Raises:
        InvalidLimit.
    """
    limits = AgentLimits()
    changes: dict[str, Any] = dict(more)
    if memory is not None:
        changes["memory_bytes"] = memory
    if time is not None:
        changes["time_s"] = _bounded(time)
    if burst is not None:
        changes["burst_s"] = _bounded(burst)
    return replace(limits, **changes)


def settings_of(
    data_dir: Path | None,
    *,
    limits: AgentLimits | None = None,
    egress: EgressPolicy | None = None,
    upstreams: list[str] | None = None,
    **more: Any,
) -> NodeSettings:
    """The settings of the node in that directory."""
    chosen = PUBLIC_UPSTREAMS if upstreams is None else tuple(url for url in upstreams if url != "none")
    return NodeSettings(
        data_dir=data_dir or default_data_dir(),
        limits=limits or AgentLimits(),
        egress=egress or EgressPolicy(),
        upstreams=chosen,
        **more,
    )

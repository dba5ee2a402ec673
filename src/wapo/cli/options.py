"""Options that several commands have, and the settings that they make."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from wapo.cli.values import format_size, format_time, size_option, time_option
from wapo.errors import CallerError
from wapo.node.limits import AgentLimits
from wapo.node.settings import PUBLIC_UPSTREAMS, NodeSettings, default_data_dir
from wapo.vm.egress import EgressPolicy

__all__ = [
    "DataDir", "Json", "MaxBurst", "MaxConcurrency", "MaxMemory", "MaxRequest", "MaxResponse", "MaxTime", "NodeBurst",
    "NodeConcurrency", "NodeContent", "NodeMachines", "NodeMemory", "NodeMemoryTogether", "NodeProgram", "NodeRequest", "NodeResponse",
    "NodeTime", "NodeUrl", "PassphraseFile", "Upstreams", "limits_of", "own_limits", "passphrase_of", "settings_of",
]  # fmt: skip

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", envvar="WAPO_DATA_DIR", help="Where the node keeps its keys, database and content.",
        metavar="DIR", show_default=str(default_data_dir()),
    ),
]  # fmt: skip
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file", help="The passphrase of the node's key in a backup; - reads stdin.", metavar="FILE"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON value, for programs.")]


def _size(option: str, help_text: str, default: int | str | None = None) -> Any:
    shown = format_size(default) if isinstance(default, int) else default or False
    return typer.Option(option, parser=size_option, help=help_text, metavar="SIZE", show_default=shown)


def _time(option: str, help_text: str, default: float | None = None) -> Any:
    shown = format_time(default) if default is not None else False
    return typer.Option(option, parser=time_option, help=help_text, metavar="TIME", show_default=shown)


def _count(option: str, help_text: str, default: str | bool = False) -> Any:
    return typer.Option(option, help=help_text, min=1, metavar="NUMBER", show_default=default)


_LIMITS: Final = AgentLimits()
_MEMORY: Final = ("--max-memory", "Memory of one machine, 8MB to 4GB.")
_TIME: Final = ("--max-time", "Wall time of one run, or unlimited.")
_BURST: Final = ("--max-burst", "CPU time between two waits, or unlimited.")
_REQUEST: Final = ("--max-request", "Size of one request's body.")
_RESPONSE: Final = ("--max-response", "Size of one response's body.")
_CONCURRENCY: Final = ("--max-concurrency", "Requests of one program at once.")

# Of one program, or of one run
MaxMemory = Annotated[Any, _size(*_MEMORY)]
MaxTime = Annotated[Any, _time(*_TIME)]
MaxBurst = Annotated[Any, _time(*_BURST)]
MaxRequest = Annotated[Any, _size(*_REQUEST)]
MaxResponse = Annotated[Any, _size(*_RESPONSE)]
MaxConcurrency = Annotated[int | None, _count(*_CONCURRENCY)]

# Of a node
NodeMemory = Annotated[Any, _size(*_MEMORY, _LIMITS.memory_bytes)]
NodeMemoryTogether = Annotated[
    Any, _size("--max-node-memory", "Memory of all machines together, of all workers.", "70% of the machine's")
]
NodeTime = Annotated[Any, _time(*_TIME, _LIMITS.time_s)]
NodeBurst = Annotated[Any, _time(*_BURST, _LIMITS.burst_s)]
NodeRequest = Annotated[Any, _size(*_REQUEST, _LIMITS.request_bytes)]
NodeResponse = Annotated[Any, _size(*_RESPONSE, _LIMITS.response_bytes)]
NodeProgram = Annotated[Any, _size("--max-program", "Size of a program.", _LIMITS.program_bytes)]
NodeContent = Annotated[Any, _size("--max-content", "Disk that fetched programs may take.", NodeSettings.content_bytes)]
NodeConcurrency = Annotated[int | None, _count(*_CONCURRENCY, "unlimited")]
NodeMachines = Annotated[
    int | None, _count("--max-machines", "Machines at once, in one process.", "what the kernel allows")
]

NodeUrl = Annotated[
    str,
    typer.Option("--url", envvar="WAPO_URL", help="Where the node answers, for the printed address.", metavar="URL"),
]
Upstreams = Annotated[
    list[str] | None,
    typer.Option(
        "--upstream",
        help="A trustless IPFS gateway to fetch programs from; may be repeated. 'none': local only.",
        metavar="URL",
        show_default="public gateways",
    ),
]


class UnreadablePassphrase(CallerError):
    """The file of a passphrase cannot be read, or holds none."""

    code = "unreadable_passphrase"


_MOST_PASSPHRASE_BYTES: Final = 4096


def passphrase_of(file: Path | None) -> bytes | None:
    """The first line of a file, without its end; None where no file is named.

    Raises:
        UnreadablePassphrase: there is none.
    """
    if file is None:
        return None
    name = "stdin" if str(file) == "-" else str(file)
    try:
        if name == "stdin":
            line = sys.stdin.buffer.readline(_MOST_PASSPHRASE_BYTES)
        else:
            with file.open("rb") as opened:
                line = opened.readline(_MOST_PASSPHRASE_BYTES)
    except OSError as error:
        raise UnreadablePassphrase(f"the passphrase in {name} cannot be read: {error.strerror}") from None
    line = line.rstrip(b"\r\n")
    if not line:
        raise UnreadablePassphrase(f"the first line of {name} is empty: there is no passphrase")
    return line


_UNLIMITED: Final = float("inf")


def own_limits(**given: float | None) -> dict[str, Any]:
    """Limits of one program as they are stored, by name of ``AgentLimits``: what was given, and None for what is to be
    the node's again (``unlimited``).

    Raises:
        InvalidLimit: it makes no sense.
    """
    limits_of(**given)
    return {name: None if value == _UNLIMITED else value for name, value in given.items() if value is not None}


def limits_of(**given: Any) -> AgentLimits:
    """A node's limits: the defaults, with what was given by name of ``AgentLimits`` (not None; infinity: unlimited).

    Raises:
        InvalidLimit: it makes no sense.
    """
    changes: dict[str, Any] = {
        name: None if value == _UNLIMITED else value for name, value in given.items() if value is not None
    }
    return replace(AgentLimits(), **changes)


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

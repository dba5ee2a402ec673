"""What each running process of a node has put in force, in a file beside the node's data: for ``wapo doctor``, which is
another process, and for nobody over the network."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from wapo.confinement.wall import Layer

__all__ = ["Process", "processes", "record"]

_FOLDER: Final = "processes"


@dataclass(frozen=True)
class Process:
    """A process that is alive.

    Attributes:
        layers: what it has said; None: it was started with ``--no-confinement``.
        kernel: what the kernel says of it, by field of proc(5)'s ``status``: of all its threads, the weakest.
    """

    pid: int
    layers: list[Layer] | None
    kernel: dict[str, int]


def record(data_dir: Path, layers: list[Layer] | None) -> None:
    """Writes it for this process, and removes what dead ones have left.

    Raises:
        OSError: it cannot be written.
    """
    folder = data_dir / _FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    for file in folder.iterdir():
        if not file.suffix or _read(file) is None:
            with contextlib.suppress(OSError):
                file.unlink()
    about = {"started": _started(os.getpid()), "layers": None if layers is None else list(map(asdict, layers))}
    temporary = folder / f"{os.getpid()}.tmp"
    temporary.write_text(json.dumps(about))
    temporary.replace(folder / f"{os.getpid()}.json")


def processes(data_dir: Path) -> list[Process]:
    """Those of the node of that directory which are alive and visible from here.

    Raises:
        OSError: the directory may not be read.
    """
    folder = data_dir / _FOLDER
    if not folder.is_dir():
        return []
    return [found for file in sorted(folder.glob("*.json")) if (found := _read(file)) is not None]


def _read(file: Path) -> Process | None:
    """None for one that is gone."""
    try:
        pid = int(file.stem)
        if file.suffix != ".json":  # half-written, by one that is alive or not
            _started(pid)
            return Process(pid, None, {})
        about = json.loads(file.read_bytes())
        if about["started"] != _started(pid):
            return None
        layers = about["layers"]
        return Process(pid, None if layers is None else [Layer(**layer) for layer in layers], _kernel(pid))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _started(pid: int) -> int:
    """When, in the kernel's ticks since the machine's start: another process of that number has another."""
    # The name in parentheses may have anything in it.
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


_FIELDS: Final = {"NoNewPrivs": (10, min), "Seccomp": (10, min), "CapEff": (16, max), "CapPrm": (16, max)}


def _kernel(pid: int) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, value in _statuses(pid):
        base, weakest = _FIELDS[name]
        number = int(value, base)
        found[name] = weakest(found[name], number) if name in found else number
    return found


def _statuses(pid: int) -> Iterator[tuple[str, str]]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
            for line in (task / "status").read_text().splitlines():
                name, _, value = line.partition(":")
                if name in _FIELDS:
                    yield name, value.strip()

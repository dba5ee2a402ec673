"""The guests that attack, a file each in ``guests/``: what they are is in the comment at their head.

A head is lines ``// key: value`` (``;; key: value`` in WebAssembly text); a line that begins with more space goes on with
the one before. Keys:

* ``attack``: what kind of attack it is;
* ``promise``: what it tries to make untrue;
* ``limit``: the limit that ends it, one of ``LIMITS``; ``none``: it is refused, or contained, and nothing ends it;
* ``ends``: the status its caller gets, and X-Wapo-Error; ``cut`` after it: the response is not complete; ``or``
  between two such ends if it is chance which one it is;
* ``memory``: how many MB it may take of the host, all its machines together, where that is more than a machine's limit:
  because of isolates, or of what the host may keep for a machine (docs/limits.md);
* ``answer``: the body, if it is the guest that answers;
* ``log``: words that are in its log;
* ``requests``: how many, one after another; each is to end so (1);
* ``at_once``: how many together (1);
* ``canary``: ``untouched`` if nobody may have connected to the listener on a private address meanwhile.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import wasmtime

__all__ = ["GUESTS", "LIMITS", "Guest", "Limit"]

#: A line that stands for many: ``;; repeat 800: (data (i32.const {n}) "x")``, with their numbers for ``{n}``.
_REPEAT: Final = re.compile(r"^;; repeat (\d+): (.*)$", re.MULTILINE)
_FOLDER: Final = Path(__file__).parent / "guests"
_LINE: Final = re.compile(r"(?://|;;) ?(?:(?P<key>[a-z_]+): (?P<value>.+)|(?P<more> +\S.*))$")
_KEYS: Final = ("attack", "promise", "limit", "ends", "memory", "answer", "log", "requests", "at_once", "canary")
_NEEDED: Final = ("attack", "promise", "limit", "ends")

MEMORY_BYTES: Final = 48 << 20
INSTANCE_BYTES: Final = 32 << 20


def _repeated(match: re.Match[str]) -> str:
    return "\n".join(match[2].replace("{n}", str(number)) for number in range(int(match[1])))


@dataclass(frozen=True, slots=True)
class Limit:
    """``shown``: as tables have it; ``seconds``: after which who meets it must be gone; None: none of time. ``settings``:
    what is lowered for its guests alone, as with ``wapo limits``."""

    shown: str
    seconds: float | None
    settings: dict[str, float] = field(default_factory=dict)


#: What the node of the suite allows, and how the heads of guests call it. For a run there is time enough to burn a burst
#: on a machine that does much else, unless time is what a guest is about.
LIMITS: Final = {
    "burst": Limit("CPU between two waits 0.5 s", 0.5),
    "time": Limit("time of a run 2 s", 2.0, {"time_s": 2.0}),
    "memory": Limit("memory 48 MB", None),
    "response": Limit("response 8 MB", None),
    "query": Limit("time of a query 1 s", 1.0),
    "none": Limit("-", None),
}
OPTIONS: Final = (
    "--max-memory", "48MB", "--max-burst", "500ms", "--max-time", "20s", "--max-response", "8MB", "--max-request", "4MB",
    "--instance-memory-size", "32MB", "--max-query-time", "1s", "--max-instances", "64",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Guest:
    """One of them."""

    path: Path
    attack: str
    promise: str
    limit: str
    ends: str
    answer: str | None = None
    log: str | None = None
    requests: int = 1
    at_once: int = 1
    memory: int | None = None
    canary: str | None = None

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def is_app(self) -> bool:
        """Whether it is a WebAssembly program; the others are agents."""
        return self.path.suffix == ".wat"

    @property
    def memory_bytes(self) -> int:
        """What its machines may take, together."""
        if self.memory is not None:
            return self.memory << 20
        return (INSTANCE_BYTES if self.is_app else MEMORY_BYTES) * self.at_once

    def program(self) -> bytes:
        """What is published or deployed."""
        source = _REPEAT.sub(_repeated, self.path.read_text())
        return bytes(wasmtime.wat2wasm(source)) if self.is_app else source.encode()

    def is_end(self, status: int, error: str | None, *, cut: bool) -> bool:
        """Whether it may end so."""
        got = " ".join(part for part in (str(status), error, "cut" if cut else None) if part)
        return got in self.ends.split(" or ")


def _read(path: Path) -> Guest:
    fields: dict[str, str] = {}
    key = ""
    for line in path.read_text().splitlines():
        found = _LINE.match(line)
        if found is None:
            break
        if found["key"]:
            key = found["key"]
            assert key in _KEYS, f"{path.name}: there is no {key!r}"
            fields[key] = found["value"].strip()
        else:
            fields[key] += " " + found["more"].strip()
    missing = [key for key in _NEEDED if key not in fields]
    assert not missing, f"{path.name} does not say {', '.join(missing)}"
    assert fields["limit"] in LIMITS, f"{path.name}: no limit {fields['limit']!r}"
    numbers = {key: int(fields.pop(key)) for key in ("requests", "at_once", "memory") if key in fields}
    return Guest(path, **fields, **numbers)  # type: ignore[arg-type]


def _guests() -> Iterator[Guest]:
    for path in sorted(_FOLDER.iterdir()):
        yield _read(path)


GUESTS: Final = tuple(_guests())

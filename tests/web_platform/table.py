"""The rows of docs/web-platform.md: read, compared with a machine, written anew.

A row is ``| `Name` | state | missing | notes |``. State and missing members follow from the machine; notes are written
by people and kept. A global that no standard here knows belongs into the last section.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["DOCUMENT", "Found", "differences", "updated"]

FOLDER: Final = Path(__file__).parent
DOCUMENT: Final = FOLDER.parent.parent / "docs" / "web-platform.md"
#: Members and statics of a global, by its name.
Found = Mapping[str, Mapping[str, list[str]]]

#: The sections of the page that have a table, and the standards whose names are in it.
SECTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "Fetch, bodies and URLs": ("fetch", "xhr", "FileAPI", "url", "urlpattern"),
    "Streams and text": ("streams", "compression", "encoding"),
    "Events, messages and errors": ("dom", "html", "webidl", "service-workers", "websockets"),
    "Cryptography": ("webcrypto",),
    "Time": ("hr-time", "performance-timeline", "user-timing", "scheduling-apis"),
    "WebAssembly": ("wasm-js-api",),
    "Console and storage": ("console", "web-locks", "IndexedDB", "trusted-types"),
}
ECMASCRIPT_SECTION: Final = "ECMAScript"
OWN_SECTION: Final = "Beside the standards"

#: Globals of ECMA-262 (19.1 to 19.4 and Annex B) and ECMA-402.
_ECMASCRIPT: Final = """
    AggregateError Array ArrayBuffer AsyncDisposableStack Atomics BigInt BigInt64Array BigUint64Array Boolean DataView
    Date DisposableStack Error EvalError FinalizationRegistry Float16Array Float32Array Float64Array Function Infinity
    Int16Array Int32Array Int8Array Intl Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError
    Reflect RegExp Set SharedArrayBuffer String SuppressedError Symbol SyntaxError Temporal TypeError URIError Uint16Array
    Uint32Array Uint8Array Uint8ClampedArray WeakMap WeakRef WeakSet decodeURI decodeURIComponent encodeURI
    encodeURIComponent escape eval globalThis isFinite isNaN parseFloat parseInt undefined unescape
"""
ECMASCRIPT: Final = frozenset(_ECMASCRIPT.split())

_ROW: Final = re.compile(r"\| `([^`|]+)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \|")
_HEADING: Final = re.compile(r"## (.+)")


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    state: str
    missing: tuple[str, ...]
    notes: str = ""

    def __str__(self) -> str:
        missing = ", ".join(f"`{name}`" for name in self.missing)
        cells = [f"`{self.name}`", self.state, missing, self.notes]
        return "| " + " | ".join(cells) + " |"


def _standards() -> dict[str, dict[str, dict[str, object]]]:
    known: dict[str, dict[str, dict[str, object]]] = json.loads((FOLDER / "standards.json").read_text())
    return known


def _state(name: str, definition: Mapping[str, object], found: Found) -> _Row:
    if name not in found:
        return _Row(name, "absent", ())
    has = found[name]
    members, statics = definition["members"], definition["statics"]
    assert isinstance(members, list)
    assert isinstance(statics, list)
    missing = [member for member in members if member not in has["members"]]
    missing += [f"{name}.{member}" for member in statics if member not in (*has["statics"], *has["members"])]
    return _Row(name, "partly" if missing else "supported", tuple(missing))


def _true_rows(found: Found) -> dict[str, dict[str, _Row]]:
    """By section and name: what is so."""
    standards = _standards()
    rows: dict[str, dict[str, _Row]] = {section: {} for section in (*SECTIONS, ECMASCRIPT_SECTION, OWN_SECTION)}
    section_of = {standard: section for section, names in SECTIONS.items() for standard in names}
    for name, definition in standards["interfaces"].items():
        rows[section_of[str(definition["standard"])]][name] = _state(name, definition, found)
    for name, standard in standards["globals"].items():
        state = "supported" if name in found else "absent"
        rows[section_of[str(standard)]].setdefault(name, _Row(name, state, ()))
    for name in ECMASCRIPT - found.keys():
        rows[ECMASCRIPT_SECTION][name] = _Row(name, "absent", ())
    known = {name for table in rows.values() for name in table} | ECMASCRIPT
    for name in found.keys() - known:
        if not name.startswith("WebAssembly."):
            rows[OWN_SECTION][name] = _Row(name, "there", ())
    return rows


def updated(text: str, found: Found) -> str:
    """The page as it should be: states and missing members are what the machine says, new names have rows, notes stay.

    Args:
        found: what ``probe.js`` has found.
    """
    truth = _true_rows(found)
    out: list[str] = []
    section, left = "", {}  # type: str, dict[str, _Row]
    table: list[_Row] = []

    def end_table() -> None:
        rows = sorted([*table, *left.values()], key=lambda row: (row.name[0].islower(), row.name.lower()))
        out.extend(map(str, rows))
        table.clear()
        left.clear()

    for line in text.split("\n"):
        heading, row = _HEADING.fullmatch(line), _ROW.fullmatch(line)
        if row is not None and section in truth:
            name = row[1]
            if name in left:
                true = left.pop(name)
                table.append(_Row(name, true.state, true.missing, row[4].strip()))
            continue  # a row of a name that is not there any more goes
        if (table or left) and out and out[-1].startswith("|---") and not line.startswith("|"):
            end_table()
        if heading is not None:
            section = heading[1]
            left.update(truth.get(section, {}))
        out.append(line)
    return "\n".join(out)


def differences(text: str, true: str) -> list[str]:
    """Lines to take out (``-``) and to put in (``+``)."""
    before, after = set(text.split("\n")), set(true.split("\n"))

    def lines(sign: str, of: str, other: Iterable[str]) -> list[str]:
        return [f"{sign} {line}" for line in of.split("\n") if line not in other]

    return lines("-", text, after) + lines("+", true, before)

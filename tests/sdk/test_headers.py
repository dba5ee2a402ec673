"""What the headers say is what the host has: numbers, names and kinds of ocalls, error codes, limits."""

import re
from pathlib import Path

import pytest

from tests.sdk.support import SDK
from wapo.abi.calls import CALLS
from wapo.abi.results import OcallError
from wapo.vm.ocalls.coding import CODING
from wapo.vm.ocalls.core import CORE
from wapo.vm.ocalls.crypto import CRYPTO
from wapo.vm.ocalls.hashing import HASHING
from wapo.vm.ocalls.http import HTTP
from wapo.vm.ocalls.isolates import ISOLATES
from wapo.vm.ocalls.network import NETWORK
from wapo.vm.ocalls.node import NODE
from wapo.vm.ocalls.websocket import WEBSOCKET

HEADERS = SDK / "include" / "wapo"


def test_every_call_that_programs_have_is_there_under_its_name_and_kind() -> None:
    text = (HEADERS / "ocalls.h").read_text()
    found = re.findall(r"static inline int wapo_ocall_(\w+)\([^{]*\)\n\{\n    return wapo_(fast|slow)_\((\d+),", text)
    programs = {0: None} | CORE | HASHING | CRYPTO | CODING | HTTP | ISOLATES | NETWORK | NODE | WEBSOCKET
    expected = {(CALLS[number].name, "fast" if CALLS[number].fast else "slow", number) for number in programs}
    assert {(name, kind, int(number)) for name, kind, number in found} == expected
    assert len(found) == len(expected)


def test_error_codes_are_those_of_the_abi() -> None:
    text = (HEADERS / "results.h").read_text()
    found = {name: int(value) for name, value in re.findall(r"\bWAPO_(\w+) = (-?\d+)", text)}
    ours = {"OK", "TIMED_OUT", "TOO_LARGE", "MALFORMED"}
    assert {name: value for name, value in found.items() if name not in ours} == {e.name: -e for e in OcallError}
    assert all(found[name] < -255 for name in ours - {"OK"})  # beyond every code that a host may answer


@pytest.mark.parametrize("header", sorted(HEADERS.glob("*.h")), ids=lambda path: path.name)
def test_a_header_begins_with_what_it_is_for_and_is_on_the_map(header: Path) -> None:
    text = header.read_text()
    assert text.startswith("/* ")
    assert f"wapo/{header.name}" in (SDK / "include" / "wapo.h").read_text()
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("header", sorted(HEADERS.glob("*.h")), ids=lambda path: path.name)
def test_functions_are_prefixed_and_defined_once(header: Path) -> None:
    """One prefix; and everything that is declared is defined."""
    text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
    names = set(re.findall(r"(?m)^(?!static|#)\S.*?\b(\w+)\((?:[^(){};]|\([^()]*\))*\);", text))
    assert all(name.startswith("wapo_") for name in names)
    sources = "\n".join(path.read_text() for path in (SDK / "src").glob("*.c"))
    elsewhere = {"wapo_ocall_fast_return_", "wapo_ocall_"}  # the imports
    assert {name for name in names - elsewhere if not re.search(rf"\b{name}\([^;]*\)\n\{{", sources)} == set()


@pytest.mark.parametrize(
    "source", sorted((SDK / "src").glob("*.[ch]")) + sorted((SDK / "examples").glob("*.c")), ids=str
)
def test_lines_fit(source: Path) -> None:
    assert max(map(len, source.read_text().splitlines())) <= 120

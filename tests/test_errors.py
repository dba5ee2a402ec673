"""Errors have codes that are unique and documented."""

import importlib
import pkgutil
from pathlib import Path

import wapo
from wapo.errors import CallerError, GuestError, HostError, UpstreamError, WapoError

DOCUMENT = Path(__file__).parent.parent / "docs" / "errors.md"
KINDS = (CallerError, GuestError, UpstreamError, HostError)


def every_error() -> list[type[WapoError]]:
    for module in pkgutil.walk_packages(wapo.__path__, "wapo."):
        if module.name != "wapo.__main__":
            importlib.import_module(module.name)
    found: list[type[WapoError]] = []
    waiting = [WapoError]
    while waiting:
        for child in waiting.pop().__subclasses__():
            found.append(child)
            waiting.append(child)
    return found


def test_codes_are_unique() -> None:
    errors = [error for error in every_error() if error not in KINDS]
    codes = [error.__dict__.get("code") for error in errors]
    assert None not in codes, [error for error in errors if "code" not in error.__dict__]
    assert len(codes) == len(set(codes)), sorted(code for code in codes if codes.count(code) > 1)


def test_codes_are_documented() -> None:
    text = DOCUMENT.read_text()
    missing = [error.code for error in every_error() if error not in KINDS and f"`{error.code}`" not in text]
    assert missing == []


def test_documented_statuses_are_true() -> None:
    """The table says the status that the gateway sends."""
    rows = {
        cells[1].strip(" `"): cells[2].strip()
        for line in DOCUMENT.read_text().splitlines()
        if line.startswith("| `")
        for cells in [line.split("|")]
    }
    wrong = {
        e.code: (e.status, rows.get(e.code))
        for e in every_error()
        if e not in KINDS and rows.get(e.code) != str(e.status)
    }
    assert wrong == {}

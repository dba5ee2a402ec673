"""The WebAssembly namespace that agents have, against the standard's JavaScript API: webassembly_api.js, in a machine."""

import re
from pathlib import Path

import pytest

from tests.agents.webassembly import run
from wapo.agents.profile import JavaScriptProfile

SOURCE = Path(__file__).with_name("webassembly_api.js").read_text()
CASES = re.findall(r"^test\('([^']+)'", SOURCE, re.MULTILINE)


@pytest.fixture(scope="module")
def results(profile: JavaScriptProfile) -> dict[str, str]:
    """What is wrong with each case: nothing, or a text."""
    found: dict[str, str] = run(profile, SOURCE)
    return found


def test_every_case_has_run(results: dict[str, str]) -> None:
    assert list(results) == CASES


@pytest.mark.parametrize("case", CASES)
def test_javascript_api(results: dict[str, str], case: str) -> None:
    assert results[case] == ""

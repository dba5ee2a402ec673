"""The WebAssembly namespace that agents have, against the standard's JavaScript API: webassembly_api/*.js, in machines."""

import re
from functools import cache
from pathlib import Path

import pytest

from tests.agents.webassembly import run
from wapo.agents.profile import JavaScriptProfile

FOLDER = Path(__file__).with_name("webassembly_api")
SOURCES = {path.name.removesuffix(".test.js"): path.read_text() for path in sorted(FOLDER.glob("*.test.js"))}
CASES = [
    (topic, case) for topic, text in SOURCES.items() for case in re.findall(r"^test\('([^']+)'", text, re.MULTILINE)
]


@cache
def results(profile: JavaScriptProfile, topic: str) -> dict[str, str]:
    """What is wrong with each case of a file: nothing, or a text."""
    parts = [(FOLDER / "harness.js").read_text(), SOURCES[topic], (FOLDER / "report.js").read_text()]
    found: dict[str, str] = run(profile, "\n".join(parts))
    return found


@pytest.mark.parametrize(("topic", "case"), CASES)
def test_javascript_api(profile: JavaScriptProfile, topic: str, case: str) -> None:
    assert results(profile, topic)[case] == ""

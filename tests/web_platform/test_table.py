"""docs/web-platform.md says what a machine really has."""

import re

import pytest

from tests.web_platform.machine import probe
from tests.web_platform.table import DOCUMENT, SECTIONS, differences, updated
from wapo.agents.profile import JavaScriptProfile

PAGE = """
## Cryptography

| name | state | missing | notes |
|---|---|---|---|
| `Crypto` | supported |  | as it was |
| `CryptoKey` | supported |  |  |
| `SubtleCrypto` | absent |  | a note |
| `crypto` | absent |  |  |

text

## Beside the standards

| name | state | missing | notes |
|---|---|---|---|
| `gone` | there |  | said once |
"""


async def test_the_page_is_true(profile: JavaScriptProfile) -> None:
    """Names and members; what they do, the conformance tests say."""
    text = DOCUMENT.read_text()
    true = updated(text, await probe(profile))
    assert text == true, (
        "docs/web-platform.md is not true. Run `python -m tests.web_platform` and give new rows a note, or change these "
        "lines:\n" + "\n".join(differences(text, true))
    )


def test_a_page_is_made_true() -> None:
    found = {
        "Crypto": {"members": ["getRandomValues", "randomUUID", "subtle"], "statics": []},
        "SubtleCrypto": {"members": ["digest"], "statics": []},
        "crypto": {"members": [], "statics": []},
        "Mine": {"members": [], "statics": []},
        "Array": {"members": [], "statics": []},
    }
    true = updated(PAGE, found)
    lines = true.split("\n")
    assert "| `Crypto` | supported |  | as it was |" in lines
    assert "| `CryptoKey` | absent |  |  |" in lines
    assert "| `crypto` | supported |  |  |" in lines
    (subtle,) = [line for line in lines if line.startswith("| `SubtleCrypto`")]
    assert re.fullmatch(
        r"\| `SubtleCrypto` \| partly \| `decapsulateBits`.*`SubtleCrypto.supports` \| a note \|", subtle
    )
    assert "`digest`" not in subtle
    assert "| `Mine` | there |  |  |" in lines
    assert "said once" not in true
    assert updated(true, found) == true
    assert "- | `CryptoKey` | supported |  |  |" in differences(PAGE, true)
    assert "+ | `CryptoKey` | absent |  |  |" in differences(PAGE, true)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_is_there(section: str) -> None:
    assert f"\n## {section}\n" in DOCUMENT.read_text()

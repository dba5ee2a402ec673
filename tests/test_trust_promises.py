"""docs/trust.md names tests for each claim, and those tests exist; its policy is one, and its exit codes are right."""

import re
from pathlib import Path

from wapo.verify import EXIT_CODES, Policy

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "trust.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| **")]


def test_every_claim_has_tests_that_exist() -> None:
    assert len(ROWS) >= 8
    for row in ROWS:
        named = re.findall(r"`(tests/\S+?\.py)::(test_\w+)`", row[1])
        assert named, row
        assert len(named) == row[1].count(".py::")
        for file, name in named:
            assert re.search(rf"^(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), (file, name)


def test_the_policy_is_one() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    policy = Policy.parse(text)
    assert set(policy.measured["tdx"]) == {"mr_td", "rt_mr1", "rt_mr2"}
    assert "compose-hash" in policy.events


def test_the_exit_codes_are_these() -> None:
    for outcome, word in (("proven", "PROVEN"), ("refused", "REFUSED"), ("open", "NOT PROVEN")):
        assert f"| `{word}` | {EXIT_CODES[outcome]} |" in PAGE  # type: ignore[index]


def test_the_readme_leads_there() -> None:
    assert "docs/trust.md" in (ROOT / "README.md").read_text()

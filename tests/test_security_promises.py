"""docs/security.md names tests for each promise, and those tests exist; its table has every hostile guest."""

import re
from pathlib import Path

from tests.hostile.guest_files import GUESTS

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| **")]


def test_every_promise_has_tests_that_exist() -> None:
    assert len(ROWS) >= 10
    for row in ROWS:
        named = re.findall(r"`(tests/\S+?\.py)::(?:(Test\w+)::)?(test_\w+)`", row[1])
        assert named, row
        assert len(named) == row[1].count(".py::")
        for file, group, name in named:
            text = (ROOT / file).read_text()
            assert re.search(rf"^ *(async )?def {name}\(", text, re.MULTILINE), (file, name)
            assert not group or f"class {group}" in text, (file, group)


def test_the_table_of_measures_is_of_these_guests() -> None:
    """A guest that was added or renamed is measured again: ``python -m tests.hostile --measure``."""
    measured = re.findall(r"^\| \[[\w-]+\]\(\.\./tests/hostile/guests/([\w.-]+)\)", PAGE, re.MULTILINE)
    assert measured == [guest.path.name for guest in GUESTS]


def test_the_readme_leads_there() -> None:
    assert "docs/security.md" in (ROOT / "README.md").read_text()

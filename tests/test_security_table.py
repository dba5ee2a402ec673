"""docs/worker-security.md names a test for each inherited weakness, and those tests exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "docs" / "worker-security.md").read_text().splitlines()
    if re.match(r"\| \d", line)
]


def test_every_line_of_the_checklist_is_there() -> None:
    assert [row[0] for row in ROWS] == [str(number) for number in range(1, 13)]


def test_every_line_has_tests_that_exist() -> None:
    for row in ROWS:
        named = re.findall(r"`(tests/\S+?\.py)::(test_\w+)`", row[3])
        assert named, row
        assert len(named) == row[3].count("::")
        for file, name in named:
            assert re.search(rf"^ *(async )?def {name}\(", (ROOT / file).read_text(), re.MULTILINE), (file, name)

"""Scripts beside peers say what they ask before they do, and the suite names all of them."""

import re
import runpy
import sys
from pathlib import Path

import pytest
import run_all

BENCH = Path(run_all.__file__).parent


@pytest.mark.parametrize("script", run_all.BESIDE)
def test_a_script_explains_itself(
    script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_path(str(BENCH / f"{script}.py"), run_name="__main__")
    assert "--quick" in capsys.readouterr().out


def test_the_suite_runs_what_is_there() -> None:
    """A question that is not in the list is never asked again."""
    asks = {
        path.stem for path in BENCH.glob("*.py") if re.search(r"^ +(report|compare)\(", path.read_text(), re.MULTILINE)
    }
    assert asks == {*run_all.BESIDE, *run_all.OURS}

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
    assert asks == {*run_all.BESIDE, *run_all.OURS, *run_all.ALONE}


def test_a_script_that_hangs_or_fails_is_a_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(run_all, "FOLDER", tmp_path)
    (tmp_path / "hangs.py").write_text("import subprocess, time; subprocess.Popen(['sleep', '61']); time.sleep(60)")
    (tmp_path / "fails.py").write_text("raise SystemExit(3)")
    (tmp_path / "works.py").write_text('print("warm-up"); print(\'{"question": "q"}\')')
    assert run_all.run_script("fails", []).complaint == "ended with 3"
    assert run_all.run_script("works", []).record == {"question": "q"}
    monkeypatch.setattr(run_all, "TIMEOUT_S", 0.5)
    assert run_all.run_script("hangs", []).complaint == "not done after 0.5 s"

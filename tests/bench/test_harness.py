"""A report is tables for people on stderr, and one line of JSON for machines on stdout."""

import json
import sys
from pathlib import Path

import pytest
from harness import Chart, options, report

RESULTS = {"hello": {"wapo": {"rate": 10.0}, "workerd": {"rate": 20.0}}}
TARGETS = {"hello wapo rate": "target: at least 15"}


def test_stdout_has_one_line_of_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["http_hello.py"])
    report("Hello", RESULTS, TARGETS, [Chart("hello", "rate", "higher")])
    out, err = capsys.readouterr()
    record = json.loads(out)
    assert out.count("\n") == 1
    assert record["results"] == RESULTS
    assert record["charts"] == [{"table": "hello", "column": "rate", "better": "higher"}]
    assert "hello wapo rate: 10.0 (target: at least 15; missed)" in err


def test_an_earlier_line_is_shown_beside(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    before = tmp_path / "before.json"
    before.write_text(json.dumps({"results": {"hello": {"wapo": {"rate": 5.0}}}}))
    monkeypatch.setattr(sys, "argv", ["http_hello.py", "--compare", str(before)])
    report("Hello", RESULTS)
    assert "was        5.0  x2.00" in capsys.readouterr().err


def test_an_unknown_option_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["http_hello.py", "--fast"])
    with pytest.raises(SystemExit, match="2"):
        options("what it asks")

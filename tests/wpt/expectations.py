"""What is known to fail: ``expected.json``, by test, and how a run differs from it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.wpt.machine import Ending, Report

__all__ = ["Expectation", "Expectations"]


@dataclass(frozen=True, slots=True)
class Expectation:
    """What does not go well in one test.

    Attributes:
        ending: how the file ends.
        failing: names of subtests that do not pass.
    """

    ending: str = Ending.OK.value
    failing: frozenset[str] = frozenset()

    @classmethod
    def of(cls, report: Report) -> "Expectation":
        failing = frozenset(name for name, (status, _) in report.subtests.items() if status != "PASS")
        return cls(report.ending.value, failing)


class Expectations:
    """By test; one that is not listed passes."""

    def __init__(self, known: Mapping[str, Expectation]) -> None:
        self._known = dict(known)

    @classmethod
    def load(cls, file: Path) -> "Expectations":
        data = json.loads(file.read_text()) if file.exists() else {}
        return cls({
            name: Expectation(entry.get("ending", Ending.OK.value), frozenset(entry.get("failing", ())))
            for name, entry in data.items()
        })  # fmt: skip

    def save(self, file: Path) -> None:
        data = {}
        for name, expectation in sorted(self._known.items()):
            entry: dict[str, object] = {}
            if expectation.ending != Ending.OK.value:
                entry["ending"] = expectation.ending
            if expectation.failing:
                entry["failing"] = sorted(expectation.failing)
            if entry:
                data[name] = entry
        file.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")

    def learn(self, name: str, report: Report) -> None:
        """From now on this is how it goes."""
        self._known[name] = Expectation.of(report)

    def differences(self, name: str, report: Report) -> list[str]:
        """Both ways: what fails and was not known to, and what is said to fail and does not."""
        expected, seen = self._known.get(name, Expectation()), Expectation.of(report)
        found = []
        if expected.ending != seen.ending:
            found.append(f"ended with {seen.ending}, expected {expected.ending}: {report.detail}")
        for subtest in sorted(seen.failing - expected.failing):
            status, message = report.subtests[subtest]
            found.append(f"{status}, expected PASS: {subtest}: {message}")
        for subtest in sorted(expected.failing - seen.failing):
            passes = subtest in report.subtests
            found.append(f"{'PASS' if passes else 'not there'}, expected to fail: {subtest}")
        return found

"""Results as tables for people, and whether they reach their targets. No I/O."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Table", "Target", "as_markdown", "as_text", "compared", "flatten", "tables_of", "targets_of"]


def flatten(results: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Each figure with its name: the keys that lead to it."""
    for name, value in results.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}".strip(), value


@dataclass(frozen=True)
class Table:
    """``columns`` are over the figures; the first cell of a row is its name. A title may be empty."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables_of(results: Mapping[str, Any], title: str = "") -> list[Table]:
    """Figures that stand alone make one table, rows with the same columns another, what is deeper its own."""
    alone = tuple((name, _cell(value)) for name, value in results.items() if not isinstance(value, dict))
    tables = [Table(title, ("",), alone)] if alone else []
    rows: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for name, value in results.items():
        if not isinstance(value, dict):
            continue
        if any(isinstance(inner, dict) for inner in value.values()):
            tables += tables_of(value, f"{title}: {name}" if title else name)
        elif all(isinstance(inner, str) for inner in value.values()):
            tables.append(Table(f"{title}: {name}" if title else name, ("",), tuple(value.items())))
        else:
            rows.setdefault(tuple(value), []).append((name, *map(_cell, value.values())))
    return tables + [Table(title, columns, tuple(of)) for columns, of in rows.items()]


def _cell(value: Any) -> str:
    if isinstance(value, float) and value >= 1000:
        return f"{value:.0f}"
    return "-" if value is None else str(value)


def as_text(table: Table) -> str:
    lines = [("", *table.columns), *table.rows] if any(table.columns) else list(table.rows)
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    text = f"\n  {table.title}\n" if table.title else "\n"
    for first, *rest in lines:
        cells = "  ".join(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
        text += f"  {first.ljust(widths[0])}  {cells}\n"
    return text


def as_markdown(table: Table) -> str:
    lines = [("", *table.columns), ("---", *("---:" for _ in table.columns)), *table.rows]
    text = f"### {table.title}\n\n" if table.title else ""
    return text + "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def compared(results: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """A line a figure, with what it was."""
    old = dict(flatten(before))
    text = ""
    for name, value in flatten(results):
        text += f"  {name:52} {value!s:>12}"
        if (was := old.get(name)) is not None:
            text += f"   was {was!s:>10}"
            if isinstance(was, int | float) and isinstance(value, int | float) and was:
                text += f"  x{value / was:.2f}"
        text += "\n"
    return text


@dataclass(frozen=True)
class Target:
    """``met`` is None where the figure is not there, or the wish cannot be checked by a number."""

    name: str
    wanted: str
    value: Any
    met: bool | None

    @property
    def verdict(self) -> str:
        if self.met is None:
            return "not measured" if self.value is None else ""
        return "met" if self.met else "missed"

    def __str__(self) -> str:
        return f"{self.name}: {self.value} (target: {self.wanted}{'; ' if self.verdict else ''}{self.verdict})"


def targets_of(results: Mapping[str, Any], targets: Mapping[str, str]) -> list[Target]:
    """Each target beside what was measured."""
    figures = dict(flatten(results))
    return [_judged(name, text.removeprefix("target: "), figures.get(name)) for name, text in targets.items()]


def _judged(name: str, wanted: str, value: Any) -> Target:
    found = re.match(r"at (least|most) ([\d.]+)", wanted)
    if found is None or not isinstance(value, int | float):
        return Target(name, wanted, value, None)
    limit = float(found[2])
    return Target(name, wanted, value, value >= limit if found[1] == "least" else value <= limit)

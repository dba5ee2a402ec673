"""The page of results: tables, targets and charts of all scripts, from the JSON lines that they print. No I/O."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from charts import Panel, draw
from tables import as_markdown, tables_of, targets_of

__all__ = ["Done", "chart", "overview", "page"]

_BETTER = {"higher": "more is better", "lower": "less is better"}


@dataclass(frozen=True)
class Done:
    """A script that ran: its JSON line, or None and what it said when it failed."""

    script: str
    seconds: float
    record: Mapping[str, Any] | None
    complaint: str = ""


def page(done: Sequence[Done], date: str, where: Mapping[str, Any], peers: Mapping[str, str], images: str) -> str:
    """Markdown. ``images`` is the folder of the charts as links spell it, with ``<script>.svg`` in it."""
    minutes, seconds = divmod(round(sum(one.seconds for one in done)), 60)
    lines = [
        f"# Results of {date}", "",
        f"{where['cores']} cores of {where['cpu']}, Linux {where['kernel']}, CPython {where['python']}; all of it took "
        f"{minutes} min {seconds} s. Each section says how loaded the machine was. `make bench` makes this page; "
        "[bench/README.md](../README.md) says what is compared with what.", "",
        "Peers: " + ", ".join(f"{name} {version}" for name, version in peers.items()) + ".", "",
        *_targets(done),
    ]  # fmt: skip
    if overview(done) is not None:
        lines += ["## Beside workerd", "", _OVERVIEW, "", f"![Throughput over workerd's]({images}/overview.svg)", ""]
    for one in done:
        lines += _section(one, images)
    return "\n".join(lines)


_OVERVIEW = (
    "Our throughput over workerd's, a fresh machine for each request here and one warm isolate for all there. Right of the "
    "line we are ahead."
)


def _targets(done: Sequence[Done]) -> Iterator[str]:
    rows = [
        f"| {target.name} | {target.value} | {target.wanted} | {target.verdict} | [{one.script}](#{one.script}) |"
        for one in done if one.record is not None
        for target in targets_of(one.record["results"], one.record["targets"])
    ]  # fmt: skip
    if rows:
        yield from (
            "## Targets",
            "",
            "| figure | is | wanted | | script |",
            "| --- | ---: | --- | --- | --- |",
            *rows,
            "",
        )
    for one in done:
        if one.record is None:
            yield f"**{one.script} failed:** {one.complaint}"
            yield ""


def _section(one: Done, images: str) -> Iterator[str]:
    if one.record is None:
        return
    record = one.record
    yield f'<a id="{one.script}"></a>'
    yield ""
    yield f"## {record['question']}"
    yield ""
    yield f"`bench/{one.script}.py`, {one.seconds:.0f} s, load {record['machine']['load']} at its end"
    yield ""
    if chart(record) is not None:
        yield f"![{record['question']}]({images}/{one.script}.svg)"
        yield ""
    for table in tables_of(record["results"]):
        yield as_markdown(table)


def chart(record: Mapping[str, Any]) -> str | None:
    """The SVG of a script's charts, if it has any."""
    panels = []
    for wanted in record.get("charts", ()):
        rows = record["results"].get(wanted["table"], {}) if wanted["table"] else record["results"]
        bars = {
            name: float(row[wanted["column"]])
            for name, row in rows.items() if isinstance(row, dict) and row.get(wanted["column"]) is not None
        }  # fmt: skip
        if bars:
            title = f"{wanted['table']}: {wanted['column']}" if wanted["table"] else wanted["column"]
            panels.append(Panel(title, _BETTER[wanted["better"]], bars))
    if not panels:
        return None
    return draw(record["question"], panels, columns=3 if len(panels) % 3 == 0 else 2)


def overview(done: Sequence[Done]) -> str | None:
    """Our throughput over workerd's in each question that both were asked."""
    panels = []
    for pair in ("wapo / workerd", "wapo, 2 workers / workerd"):
        bars = {
            name.removesuffix(", ratios"): float(row[pair]["throughput"])
            for one in done if one.record is not None
            for name, row in one.record["results"].items()
            if name.endswith(", ratios") and pair in row
        }  # fmt: skip
        if bars:
            panels.append(Panel(f"throughput, {pair}", _BETTER["higher"], bars, mark=1.0, like=pair.split(" /")[0]))
    return draw("Our throughput over workerd's", panels) if panels else None

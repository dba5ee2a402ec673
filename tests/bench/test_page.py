"""The page of results says what was missed, what failed and who was absent."""

from typing import Any

from page import Done, chart, overview, page

WHERE = {"cores": 2, "cpu": "a CPU", "kernel": "6", "python": "3.11"}


def record(**more: Any) -> dict[str, Any]:
    return {
        "question": "Hello over HTTP", "machine": {"load": 0.5}, "targets": {},
        "results": {
            "hello": {"wapo": {"requests a second": 10.0}, "workerd": {"requests a second": 20.0}},
            "hello, ratios": {"wapo / workerd": {"throughput": 0.5}},
        },
        "charts": [{"table": "hello", "column": "requests a second", "better": "higher"}],
    } | more  # fmt: skip


def test_targets_come_first_with_their_verdicts() -> None:
    wanted = {"hello, ratios wapo / workerd throughput": "target: at least 1.0"}
    text = page([Done("http_hello", 61.0, record(targets=wanted))], "2026-11-27", WHERE, {"workerd": "1"}, "2026-11-27")
    assert "| hello, ratios wapo / workerd throughput | 0.5 | at least 1.0 | missed |" in text
    assert text.index("## Targets") < text.index("## Hello over HTTP")
    assert "1 min 1 s" in text


def test_a_script_that_failed_is_named() -> None:
    text = page([Done("http_cpu", 3.0, None, "ended with 1")], "2026-11-27", WHERE, {}, "2026-11-27")
    assert "**http_cpu failed:** ended with 1" in text


def test_an_absent_peer_is_named_with_the_reason() -> None:
    results = record()["results"] | {"absent": {"deno": "npm has no deno for Plan9"}}
    text = page([Done("http_hello", 3.0, record(results=results))], "d", WHERE, {"deno": "absent: no npm"}, "d")
    assert "| deno | npm has no deno for Plan9 |" in text
    assert "deno absent: no npm" in text


def test_pictures_are_linked_where_there_are_any() -> None:
    text = page([Done("http_hello", 3.0, record()), Done("ocalls", 1.0, record(charts=[]))], "d", WHERE, {}, "d")
    assert "(d/http_hello.svg)" in text
    assert "(d/overview.svg)" in text
    assert "ocalls.svg" not in text


def test_a_chart_leaves_out_who_was_not_measured() -> None:
    shown = chart(record(results={"hello": {"wapo": {"requests a second": 1.0}, "deno": {"requests a second": None}}}))
    assert shown is not None
    assert ">wapo<" in shown
    assert ">deno<" not in shown


def test_there_is_no_overview_without_workerd() -> None:
    assert overview([Done("http_hello", 1.0, record(results={"hello": {}}))]) is None

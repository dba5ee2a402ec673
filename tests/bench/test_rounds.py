"""Rounds become medians, and ratios are taken within a round."""

from client import Load
from peers.rounds import Round, ratios, summary


def rounds(*rates: float) -> list[Round]:
    return [Round(Load(rate, 1.0, 1000 / rate, 2000 / rate), cpu_s=1.0, wall_s=2.0) for rate in rates]


def test_a_summary_is_the_medians_of_rounds() -> None:
    row = summary({"wapo": rounds(100, 400, 200)})["wapo"]
    assert row["requests a second"] == 200
    assert row["median ms"] == 5
    assert row["cores taken"] == 0.5
    assert row["server's CPU ms each"] == 2.5
    assert row["spread %"] == 150


def test_errors_of_all_rounds_are_counted() -> None:
    broken = [Round(Load(1, 1, 1, 1, errors=2), 1, 1), Round(Load(1, 1, 1, 1, errors=3), 1, 1)]
    assert summary({"wapo": broken})["wapo"]["errors"] == 5


def test_ratios_are_taken_within_rounds() -> None:
    """A machine that is slow in one round is slow for both sides: the ratio of medians would be 0.5."""
    taken = {"wapo": rounds(100, 10, 50), "workerd": rounds(100, 100, 50)}
    assert ratios(taken)["wapo / workerd"]["throughput"] == 1


def test_more_workers_are_compared_with_one_and_with_others() -> None:
    taken = {"wapo": rounds(100), "wapo, 2 workers": rounds(180), "workerd": rounds(200)}
    rows = ratios(taken)
    assert list(rows) == ["wapo, 2 workers / wapo", "wapo / workerd", "wapo, 2 workers / workerd"]
    assert rows["wapo, 2 workers / wapo"]["throughput"] == 1.8
    assert rows["wapo, 2 workers / workerd"]["throughput"] == 0.9


def test_a_server_that_answered_nothing_makes_no_ratio() -> None:
    dead = [Round(Load(0, 0, 0, 0, errors=9), 1, 1)]
    assert ratios({"wapo": rounds(100), "workerd": dead})["wapo / workerd"]["throughput"] == 0
    assert summary({"workerd": dead})["workerd"]["requests a second"] == 0

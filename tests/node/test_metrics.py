"""Figures for operators."""

from prometheus_client import generate_latest

from wapo.node.metrics import Metrics


def test_requests_are_counted_by_how_they_ended() -> None:
    metrics = Metrics()
    for outcome in ("exited", "exited", "timeout"):
        metrics.count(outcome)
    text = generate_latest(metrics.registry).decode()
    assert 'wapo_requests_total{outcome="exited"} 2.0' in text
    assert 'wapo_requests_total{outcome="timeout"} 1.0' in text


def test_machines_are_counted_as_they_come_and_go() -> None:
    machines = [3]
    metrics = Metrics(machines=lambda: machines[0])
    assert "wapo_machines 3.0" in generate_latest(metrics.registry).decode()
    machines[0] = 0
    assert "wapo_machines 0.0" in generate_latest(metrics.registry).decode()


def test_nodes_of_one_process_count_for_themselves() -> None:
    first, second = Metrics(), Metrics()
    first.count("exited", 5)
    assert "wapo_cpu_seconds_total 0.0" in generate_latest(second.registry).decode()

"""Figures for operators."""

from prometheus_client import generate_latest

from wapo.node.metrics import Metrics, sum_counts


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


def test_what_several_processes_have_counted_is_added_up() -> None:
    first, second, third = Metrics(), Metrics(), Metrics()
    for metrics, outcome in ((first, "exited"), (second, "exited"), (second, "timeout"), (third, "exited")):
        metrics.count(outcome, 0.5)
        with metrics.making_image():
            pass
    ended = sum_counts([second.counts(), third.counts()])
    text = first.exposition([ended]).decode()
    assert 'wapo_requests_total{outcome="exited"} 3.0' in text
    assert 'wapo_requests_total{outcome="timeout"} 1.0' in text
    assert "wapo_cpu_seconds_total 2.0" in text
    assert 'wapo_image_seconds_bucket{le="+Inf"} 4.0' in text
    assert "wapo_image_seconds_count 4.0" in text
    alone = first.exposition().decode()
    named = {line for line in text.splitlines() if line.startswith("#")}
    assert named <= {line for line in alone.splitlines() if line.startswith("#")}

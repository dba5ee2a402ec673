"""What the load generators print becomes figures, with their units and their complaints."""

import json

import pytest
from client import Load, read_autocannon, read_wrk

WRK = """Running 2s test @ http://127.0.0.1:42117/
  1 threads and 16 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.71ms    4.02ms  98.56ms   95.10%
    Req/Sec     4.01k   620.91     4.81k    80.00%
  Latency Distribution
     50%  955.00us
     75%    4.02ms
     90%    6.91ms
     99%    1.23s
  8123 requests in 2.00s, 2.69MB read
Requests/sec:   4061.20
Transfer/sec:      1.34MB
"""


def test_wrk_is_read_in_its_units() -> None:
    assert read_wrk(WRK) == Load(4061.2, pytest.approx(1.34 * 2**20 / 1e6), pytest.approx(0.955), 1230.0, 0)


def test_wrk_complaints_are_counted() -> None:
    complaints = "  Socket errors: connect 1, read 2, write 0, timeout 4\n  Non-2xx or 3xx responses: 10\nRequests/sec:"
    assert read_wrk(WRK.replace("Requests/sec:", complaints)).errors == 17


def test_wrk_that_says_something_else_is_no_measurement() -> None:
    with pytest.raises(ValueError, match="unable to connect"):
        read_wrk("unable to connect to 127.0.0.1:9 Connection refused")


def test_autocannon_is_read_by_its_totals() -> None:
    said = {
        "duration": 2.0, "errors": 1, "timeouts": 2, "non2xx": 3, "requests": {"total": 5000},
        "throughput": {"total": 4_000_000}, "latency": {"p50": 3, "p99": 12},
    }  # fmt: skip
    assert read_autocannon(json.dumps(said)) == Load(2500.0, 2.0, 3.0, 12.0, 6)

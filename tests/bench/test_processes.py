"""CPU and memory of a server are those of all its processes."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from peers.processes import cpu_s, family, pss_kb

#: A process and its child; both use CPU, and the child 30 MB.
PARENT = """
import subprocess, sys, time
def burn():
    until = time.process_time() + 0.1
    while time.process_time() < until: pass
child = 'room = bytearray(b"x") * 30_000_000; import time;'
child += 'until = time.process_time() + 0.3\\nwhile time.process_time() < until: pass\\n'
child += 'print(flush=True); input()'
process = subprocess.Popen([sys.executable, '-c', child], stdin=subprocess.PIPE)
burn()
input()
process.communicate(b'\\n')
"""


@pytest.fixture
def parent() -> Iterator[int]:
    process = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield process.pid
    finally:
        process.communicate(b"\n")


def test_a_child_counts(parent: int) -> None:
    assert len(family(parent)) == 2
    assert cpu_s(parent) >= 0.3
    assert pss_kb(parent) > 29_000

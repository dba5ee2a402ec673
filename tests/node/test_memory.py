"""What the node's own memory does; that of machines is in tests/hostile/test_memory.py."""

import os
import platform
import subprocess
import sys

import pytest

ALLOCATE = """if True:
    import ctypes, os, sys, threading
    from wapo.node.memory import keep_few_arenas
    if sys.argv[1] == "few":
        keep_few_arenas()
    libc, together = ctypes.CDLL(None), threading.Barrier(12)
    def allocate():
        libc.malloc(1000)
        together.wait()
    threads = [threading.Thread(target=allocate) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    libc.fopen.restype = ctypes.c_void_p
    file = libc.fopen(b"/dev/stdout", b"w")
    libc.malloc_info(0, ctypes.c_void_p(file))
    libc.fflush(ctypes.c_void_p(file))
"""


def arenas(*, few: bool, **environment: str) -> int:
    """How many there are after twelve threads have allocated at once."""
    command = [sys.executable, "-c", ALLOCATE, "few" if few else "many"]
    own = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=own | environment)
    return done.stdout.count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another malloc")
def test_threads_share_their_heaps() -> None:
    """One each, which glibc would give them, is memory that grows with whatever thread happens to be used."""
    assert arenas(few=False) > 2
    assert arenas(few=True) <= 2
    assert arenas(few=True, MALLOC_ARENA_MAX="5") > 2

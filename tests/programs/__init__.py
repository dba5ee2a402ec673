"""Programs for tests, in C, compiled with the compiler that is a wheel. Compiled once; kept in the user's cache."""

import hashlib
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from wapo.node.settings import default_cache_dir

__all__ = ["compile_program"]

FOLDER = Path(__file__).parent
_FLAGS = (
    "--target=wasm32-wasi", "-O2", "-Wall", "-Wextra", "-Werror", "-Wl,--strip-all,-z,stack-size=262144", "-s",
)  # fmt: skip


@lru_cache
def compile_program(name: str, *, command: bool = False) -> bytes:
    """The WebAssembly of ``<name>.c`` in this folder; of a WASI command if it has a main and no poll function."""
    flags = (*_FLAGS, f"-mexec-model={'command' if command else 'reactor'}")
    digest = hashlib.sha256(" ".join(flags).encode())
    for path in sorted([FOLDER / f"{name}.c", *FOLDER.glob("*.h")]):
        digest.update(path.read_bytes())
    target = default_cache_dir() / "test-programs" / f"{name}-{digest.hexdigest()[:24]}.wasm"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        made = target.with_suffix(f".{os.getpid()}.tmp")
        command = [sys.executable, "-m", "ziglang", "cc", *flags, str(FOLDER / f"{name}.c"), "-o", str(made)]
        subprocess.run(command, check=True, timeout=300)
        made.replace(target)
    return target.read_bytes()

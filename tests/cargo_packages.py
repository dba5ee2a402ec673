"""Programs in Rust for tests that talk to another implementation, with packages from their registry.

A test keeps a folder with ``Cargo.toml``, whose versions are exact, and ``src``. What is built of it is kept outside the
tree for the next run, in ``$XDG_CACHE_HOME/wapo/cargo`` or ``~/.cache/wapo/cargo``. Such tests are marked ``cargo``.
"""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

__all__ = ["built"]

_BUILD_S = 1200


def built(folder: Path, name: str) -> Path:
    """The program of that name. A test is skipped where there is no Rust, or the registry does not answer."""
    for needed in ("cargo", "cc"):  # the latter links
        if shutil.which(needed) is None:
            pytest.skip(f"there is no {needed} on this machine")
    sources = sorted([folder / "Cargo.toml", *(folder / "src").iterdir()])
    digest = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wapo" / "cargo" / digest
    program = cache / "target" / "debug" / name
    if not program.exists():
        shutil.copytree(folder, cache / "source", dirs_exist_ok=True)
        fetched = _cargo(cache, "fetch")
        if fetched.returncode:
            pytest.skip(f"the packages were not to be had: {fetched.stderr.strip()[-300:]}")
        done = _cargo(cache, "build", "--offline")
        assert done.returncode == 0, done.stderr[-3000:]
    return program


def _cargo(cache: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["cargo", *arguments], cwd=cache / "source", capture_output=True, text=True, check=False, timeout=_BUILD_S,
        env=os.environ | {"CARGO_TARGET_DIR": str(cache / "target")},
    )  # fmt: skip

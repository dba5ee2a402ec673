"""What this node is made of, as one name: the set of programs whose version an attestation carries.

A TEE measures what it was started with, an image or an enclave; this says which Wapo was in it, in a form that whoever
has the same package can compute and compare.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Final

from wapo import __version__
from wapo.engine.capi import WHEEL_VERSION

__all__ = ["programs_version"]

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_SUFFIXES: Final = (".py", ".wasm", ".html", ".js", ".ts")


@cache
def programs_version() -> str:
    """``wapo/<version>+<64 hex digits>``: SHA-256 over the package's files, by name, each with its own SHA-256, and the
    version of the engine. Takes 20 ms the first time."""
    total = hashlib.sha256(f"engine {WHEEL_VERSION}\n".encode())
    for path in sorted(path for path in _PACKAGE.rglob("*") if path.suffix in _SUFFIXES and path.is_file()):
        total.update(
            f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(_PACKAGE).as_posix()}\n".encode()
        )
    return f"wapo/{__version__}+{total.hexdigest()}"

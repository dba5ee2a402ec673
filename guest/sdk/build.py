"""Builds a Wapo program in C: your files and this folder's library, with the C compiler of the ``ziglang`` wheel.

    pip install ziglang
    python build.py program.c [more.c ...] [-o program.wasm] [compiler options ...]

That is one command of the compiler, which ``--show`` prints. A program that was built before from the same bytes comes
from the cache: ``$WAPO_BUILD_CACHE/programs``, else ``wapo/build/programs`` in ``$XDG_CACHE_HOME`` or ``~/.cache``.
"""

import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["build", "command"]

SDK = Path(__file__).resolve().parent
LIBRARY = sorted((SDK / "src").glob("*.c"))

#: -Wconditional-uninitialized finds local variables that an await has forgotten (wapo/tasks.h). The stack is 1 MiB and
#: lies below the data: one that is used up traps instead of running into it.
FLAGS = [
    "--target=wasm32-wasi", "-mexec-model=reactor", "-std=gnu17", "-O2",
    "-Wall", "-Wextra", "-Wconditional-uninitialized", "-Wl,--strip-all", "-Wl,-z,stack-size=1048576",
]  # fmt: skip


def command(sources: Sequence[Path], output: Path, options: Sequence[str] = ()) -> list[str]:
    """The compiler's command line."""
    files = [str(path) for path in (*sources, *LIBRARY, "-o", output)]
    return [sys.executable, "-m", "ziglang", "cc", *FLAGS, *options, "-I", str(SDK / "include"), *files]


def build(sources: Sequence[Path], output: Path, options: Sequence[str] = ()) -> Path:
    """Makes ``output`` of ``sources`` and the library, and returns it.

    Raises:
        SystemExit: with the compiler's words, or because there is no compiler.
    """
    cached = _cache_directory() / "programs" / f"{_digest(sources, options)}.wasm"
    if not cached.exists():
        cached.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cached.parent) as scratch:
            made = Path(scratch, "program.wasm")
            _run(command(sources, made, options))
            made.chmod(0o644)
            made.replace(cached)  # at once: several builds may be under way
    output.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(cached, output)
    return output


def _cache_directory() -> Path:
    chosen = os.environ.get("WAPO_BUILD_CACHE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wapo" / "build"


def _digest(sources: Sequence[Path], options: Sequence[str]) -> str:
    """Of everything that goes into a program: the compiler, its options, the files beside the sources, the library."""
    try:
        compiler = version("ziglang")
    except PackageNotFoundError:
        raise SystemExit("there is no compiler: pip install ziglang") from None
    beside = sorted({header for path in sources for header in path.resolve().parent.glob("*.h")})
    headers = sorted((SDK / "include").rglob("*.h")) + sorted((SDK / "src").glob("*.h"))
    state = hashlib.sha256(repr((compiler, FLAGS, list(options))).encode())
    for path in (*sources, *beside, *headers, *LIBRARY):
        data = path.read_bytes()
        state.update(f"{path.name} {len(data)}\n".encode() + data)
    return state.hexdigest()


def _run(arguments: list[str]) -> None:
    zig = str(_cache_directory() / "zig")
    environment = {"ZIG_GLOBAL_CACHE_DIR": zig, "ZIG_LOCAL_CACHE_DIR": zig} | os.environ
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{shlex.join(arguments)}\n{done.stdout}{done.stderr}")
    sys.stderr.write(done.stderr)


def _main(words: list[str]) -> None:
    output, options, sources = None, [], []
    left = iter([word for word in words if word != "--show"])
    for word in left:
        if word == "-o":
            output = Path(next(left, ""))
        elif word.startswith("-"):
            options.append(word)
        else:
            sources.append(Path(word))
    if not sources:
        raise SystemExit(__doc__)
    output = output or sources[0].with_suffix(".wasm")
    if "--show" in words:
        print(shlex.join(command(sources, output, options)))
    else:
        build(sources, output, options)
        print(f"{output}: {output.stat().st_size >> 10} KiB")


if __name__ == "__main__":
    _main(sys.argv[1:])

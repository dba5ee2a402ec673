"""Fetches pinned source distributions with pip, and unpacks them.

pip is used because it knows how this machine reaches its package index (mirrors, proxies, certificates, credentials).
``pip download`` would run a package's build backend for its metadata, which for a C++ package may want a compiler; so
it is given a backend of ours under the name that the package asks for, which answers with the name and version only.
No code of the package is run. The archive's SHA-256 decides, not the index.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Amendment", "Source", "fetch", "pinned"]

_STUB_BACKEND = """
import pathlib


def _fields():
    text = pathlib.Path("PKG-INFO").read_text(encoding="utf-8")
    lines = dict(line.split(": ", 1) for line in text.split("\\n\\n")[0].splitlines() if ": " in line)
    return lines["Name"], lines["Version"]


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    name, version = _fields()
    folder = pathlib.Path(metadata_directory, f"{name.replace('-', '_')}-{version}.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")
    return folder.name
"""


@dataclass(frozen=True)
class Amendment:
    """A change of one place in a source file, and why it is made. ``find`` is there exactly once."""

    file: str
    find: str
    replace: str
    why: str

    def apply(self, folder: Path) -> None:
        """Changes the file.

        Raises:
            SystemExit: the place is not there, or is not the only one.
        """
        path = folder / self.file
        text = path.read_text()
        if (count := text.count(self.find)) != 1:
            raise SystemExit(f"{self.file}: found {count} times, and must be there once: {self.find}")
        path.write_text(text.replace(self.find, self.replace))


@dataclass(frozen=True)
class Source:
    """A pinned source distribution. ``directory`` is where its sources are, inside the archive's top folder."""

    name: str
    version: str
    sha256: str
    directory: str
    files: tuple[str, ...]
    amendments: tuple[Amendment, ...] = ()

    @property
    def folder(self) -> str:
        """A name that says what is in it."""
        parts = [(a.file, a.find, a.replace) for a in self.amendments]
        amended = f"-{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}" if parts else ""
        return f"{self.name}-{self.version}-{self.sha256[:16]}{amended}"


def pinned(manifest: Path) -> list[Source]:
    """What ``sources.toml`` lists."""
    entries = tomllib.loads(manifest.read_text())
    return [
        Source(
            name, e["version"], e["sha256"], e["directory"], tuple(e["files"]),
            tuple(Amendment(**amendment) for amendment in e.get("amendments", ())),
        )
        for name, e in entries.items()
    ]  # fmt: skip


def fetch(source: Source, cache: Path) -> Path:
    """The folder with the amended sources, from the cache or downloaded. Safe for several builds at once.

    Raises:
        SystemExit: it cannot be downloaded, or is not what is pinned, or cannot be amended.
    """
    folder = cache / source.folder
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            unpacked = Path(scratch, "unpacked")
            with tarfile.open(_download(source, Path(scratch))) as archive:
                archive.extractall(unpacked, filter="data")
            (top,) = unpacked.iterdir()
            for amendment in source.amendments:
                amendment.apply(top / source.directory)
            try:
                top.rename(folder)
            except OSError:  # another build was first
                if not folder.exists():
                    raise
    return folder / source.directory


def _download(source: Source, scratch: Path) -> Path:
    stub = scratch / "stub"
    (stub / "setuptools").mkdir(parents=True)
    (stub / "setuptools" / "__init__.py").touch()
    (stub / "setuptools" / "build_meta.py").write_text(_STUB_BACKEND)
    requirements = scratch / "requirements.txt"
    requirements.write_text(f"{source.name}=={source.version} --hash=sha256:{source.sha256}\n")
    target = scratch / "download"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(stub), os.environ.get("PYTHONPATH")]))}
    command = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--require-hashes",
        "--no-build-isolation", "--disable-pip-version-check", "--dest", str(target),
        "--requirement", str(requirements),
    ]  # fmt: skip
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    archives = list(target.glob("*.tar.gz")) if target.exists() else []
    if done.returncode or len(archives) != 1:
        shutil.rmtree(target, ignore_errors=True)
        raise SystemExit(f"cannot download {source.name} {source.version} with pip:\n{done.stdout}{done.stderr}")
    return archives[0]

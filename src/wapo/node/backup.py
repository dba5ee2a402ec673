"""Making a backup while the node runs: nobody waits for it, and it is of one moment where that matters.

The order does it. The database comes first, then blobs: an app that is in it had its blobs before. Pins come before
blocks: what is pinned had its blocks before, and keeps them. Files there are never changed, only replaced, so each is
whole. What is removed meanwhile may be in the backup or not.

What is named by its hash is hashed: damaged files are left out, and named.
"""

import fcntl
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

from wapo import __version__
from wapo.content.multihash import hash_function
from wapo.errors import HostError
from wapo.node.archive import (
    ABOUT,
    DATABASE,
    FORMAT,
    NODE_KEY,
    SEALED_KEY,
    SUMS,
    WORKER_KEY,
    About,
    blob_of,
    block_of,
    is_known,
)  # fmt: skip
from wapo.store.snapshot import snapshot
from wapo.trust.keys import NodeKeys
from wapo.trust.passphrase import seal_with_passphrase

__all__ = ["BackedUp", "CannotBackUp", "back_up", "file_name"]

_PIECE: Final = 1 << 20
_FOLDERS: Final = ("content/pins", "content/blocks", "blobs")


class CannotBackUp(HostError):
    """The backup could not be written, or the node's data not be read. Nothing is left of it."""

    code = "cannot_back_up"


@dataclass
class BackedUp:
    """What is in a backup.

    Attributes:
        files: how many.
        size: of the archive, in bytes.
        key: whether the node's key is in it.
        key_needed: whether there is one.
        damaged: files that were left out, by name.
    """

    files: int = 0
    size: int = 0
    key: bool = False
    key_needed: bool = False
    damaged: list[str] = field(default_factory=list)


def file_name() -> str:
    """A name that says when the backup was made."""
    return f"wapo-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar"


def back_up(data_dir: Path, target: Path, passphrase: bytes | None = None) -> BackedUp:
    """Writes a backup of the node in ``data_dir`` to the new file ``target``, of mode 0600, whole or not at all.

    Args:
        passphrase: puts the node's key into it, encrypted; without one it stays out.

    Raises:
        CannotBackUp.
        UnusableKey, StoreFailed, StoreDamaged, NewerSchema: what of the node cannot be read.
    """
    if target.exists():
        raise CannotBackUp(f"{target} exists; a backup never replaces one")
    if not (data_dir / DATABASE).exists():
        raise CannotBackUp(f"{data_dir / DATABASE} is missing")
    partial, copy = target.with_name(f"{target.name}.partial"), target.with_name(f"{target.name}.partial.db")
    done = BackedUp()
    with _errors(target), _locked(partial) as file:
        try:
            copy.unlink(missing_ok=True)
            _write(data_dir, copy, file, passphrase, done)
            file.flush()
            os.fsync(file.fileno())
            done.size = file.tell()
            partial.rename(target)
            _sync_folder(target.parent)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        finally:
            copy.unlink(missing_ok=True)
    return done


def _write(data_dir: Path, copy: Path, file: BinaryIO, passphrase: bytes | None, done: BackedUp) -> None:
    key = _key_of(data_dir)
    migrations = snapshot(data_dir / DATABASE, copy)
    done.key_needed = key is not None
    done.key = key is not None and passphrase is not None
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        writer = _Writer(archive, done)
        created = datetime.now(UTC).isoformat(timespec="seconds")
        key_id = NodeKeys(key).id if key is not None else None
        writer.add(ABOUT, About(FORMAT, __version__, created, migrations, key_id, done.key).encode())
        writer.copy(DATABASE, copy)
        writer.copy(WORKER_KEY, data_dir / WORKER_KEY)
        if key is not None and passphrase is not None:
            writer.add(SEALED_KEY, seal_with_passphrase(key, passphrase, SEALED_KEY))
        for folder in _FOLDERS:
            for path in _files(data_dir / folder):
                name = path.relative_to(data_dir).as_posix()
                if is_known(name):  # and not somebody else's
                    writer.copy(name, path)
        writer.finish()


def _key_of(data_dir: Path) -> bytes | None:
    path = data_dir / NODE_KEY
    if not path.exists():
        return None
    NodeKeys.load_or_create(path)  # which says what is wrong with it
    return path.read_bytes()


def _files(folder: Path) -> Iterator[Path]:
    """Files below a folder. Those that come or go meanwhile may or may not be among them."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            elif entry.is_file(follow_symlinks=False):
                yield Path(entry.path)


class _Writer:
    """Adds files to an archive, and knows their sums."""

    def __init__(self, archive: tarfile.TarFile, done: BackedUp) -> None:
        self._archive = archive
        self._done = done
        self._sums: list[str] = []

    def add(self, name: str, content: bytes) -> None:
        self._add(name, io.BytesIO(content), len(content), int(datetime.now(UTC).timestamp()))

    def copy(self, name: str, path: Path) -> None:
        """Adds a file of the disk, unless it is gone, or damaged."""
        try:
            with path.open("rb") as file:
                if not _is_sound(name, file):
                    self._done.damaged.append(name)
                    return
                status = os.fstat(file.fileno())
                self._add(name, file, status.st_size, max(0, int(status.st_mtime)))
        except FileNotFoundError:
            return

    def _add(self, name: str, file: BinaryIO, size: int, mtime: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = size, mtime, 0o600
        hashed = _Hashing(file)
        self._archive.addfile(member, hashed)  # type: ignore[arg-type]
        self._sums.append(f"{hashed.sha256.hexdigest()}  {name}\n")
        self._done.files += 1

    def finish(self) -> None:
        self.add(SUMS, "".join(self._sums).encode())


class _Hashing:
    """A file that is hashed as it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self.sha256.update(data)
        return data


def _is_sound(name: str, file: BinaryIO) -> bool:
    """Whether a file is what its name says, if that says something. It is at its beginning afterwards."""
    multihash, digest = block_of(name), blob_of(name)
    sound = True
    if multihash is not None:
        sound = hash_function(multihash).multihash(file.read()) == multihash
    elif digest is not None:
        found = hashlib.new("sha256" if len(digest) == 64 else "sha512")
        while piece := file.read(_PIECE):
            found.update(piece)
        sound = found.hexdigest() == digest
    file.seek(0)
    return sound


@contextmanager
def _locked(partial: Path) -> Iterator[BinaryIO]:
    """The file that becomes the backup. One that was left by a backup which was killed is written over."""
    descriptor = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotBackUp(f"another backup is being written to {partial}") from None
        os.fchmod(descriptor, 0o600)
        os.ftruncate(descriptor, 0)
        yield file


@contextmanager
def _errors(target: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        where = error.filename or target
        raise CannotBackUp(f"{where} cannot be read or written: {error.strerror or error}") from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

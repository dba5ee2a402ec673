"""Bringing a backup back, and looking whether one is good. The archive may be anybody's.

Names are compared with those that a backup has, so none leads out of the directory; links, devices and sparse files are
refused; nothing is unpacked that is not in the archive byte for byte, so nothing can swell. All is written beside the
directory that it is for, checked there, and takes its place by one rename: it is there whole, or not at all.
"""

import errno
import hashlib
import io
import os
import secrets
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO, Final

from wapo.content.multihash import hash_function
from wapo.errors import CallerError, HostError
from wapo.node.archive import (
    ABOUT,
    DATABASE,
    MAX_SMALL_BYTES,
    NODE_KEY,
    SEALED_KEY,
    SUMS,
    WORKER_KEY,
    About,
    BadBackup,
    blob_of,
    block_of,
    is_known,
    is_small,
)  # fmt: skip
from wapo.store.database import StoreDamaged
from wapo.store.snapshot import verify
from wapo.trust.key_files import create_once
from wapo.trust.keys import NodeKeys, UnusableKey
from wapo.trust.passphrase import open_with_passphrase
from wapo.trust.worker_key import WorkerKey

__all__ = ["CannotRestore", "KeyNeeded", "Restored", "check_backup", "restore"]

_PIECE: Final = 1 << 20


class CannotRestore(HostError):
    """The directory cannot be made there, or written. Nothing was changed."""

    code = "cannot_restore"


class KeyNeeded(CallerError):
    """Without the key of the node that a backup is of, nothing sealed in it can be opened."""

    code = "key_needed"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was in a backup.

    Attributes:
        files: how many, of how many bytes together.
        key_checked: whether a key was given, and it was the right one.
    """

    about: About
    files: int
    size: int
    key_checked: bool


def check_backup(archive: Path, *, passphrase: bytes | None = None, key: bytes | None = None) -> Restored:
    """Reads a backup to its end, and says what is wrong with it; writes nothing but a copy of the database, which is
    gone afterwards. Blocks.

    Raises:
        BadBackup, NewerSchema, KeyNeeded, WrongPassphrase, UnusableKey.
        CannotRestore: the archive cannot be read, or there is no room for that copy.
    """
    with _writing(archive), tempfile.TemporaryDirectory(prefix="wapo-check-") as folder:
        return _unpack(archive, Path(folder), passphrase, key, whole=False)


def restore(archive: Path, data_dir: Path, *, passphrase: bytes | None = None, key: bytes | None = None) -> Restored:
    """Makes ``data_dir`` of a backup: it does not exist, or is empty. Blocks.

    Args:
        passphrase: with which the node's key was put into the backup.
        key: the node's key itself, where it was not.

    Raises:
        BadBackup, NewerSchema, KeyNeeded, WrongPassphrase, UnusableKey, CannotRestore: ``data_dir`` is as it was.
    """
    target = data_dir.absolute()
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise CannotRestore(f"{data_dir} is not a directory")
    with _writing(archive):
        if target.exists() and any(target.iterdir()):
            raise CannotRestore(f"{data_dir} is not empty; a backup is restored into an empty or a new directory")
        target.parent.mkdir(parents=True, exist_ok=True)
        made = target.with_name(f".{target.name}.{secrets.token_hex(4)}.restoring")
        made.mkdir(mode=0o700)
        try:
            done = _unpack(archive, made, passphrase, key, whole=True)
            os.sync()  # once, and not for each of what may be a hundred thousand files
            _take_place(made, target)
        except BaseException:
            shutil.rmtree(made, ignore_errors=True)
            raise
    return done


def _take_place(made: Path, target: Path) -> None:
    try:
        made.rename(target)  # which replaces an empty directory, and nothing else
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise CannotRestore(f"{target} is not empty any more") from None
        if error.errno in (errno.EBUSY, errno.EXDEV):
            raise CannotRestore(f"{target} is a mount point, and cannot be replaced: name a directory in it") from None
        raise
    descriptor = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _writing(archive: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotRestore(f"{error.filename or archive}: {error.strerror or error}") from error


def _unpack(archive: Path, folder: Path, passphrase: bytes | None, key: bytes | None, *, whole: bool) -> Restored:
    """``whole``: whether everything is written, or only what cannot be checked in passing."""
    unpacking = _Unpacking(folder, whole=whole)
    with _Bounded(io.FileIO(archive)) as file:
        for member, read in _members(file):
            unpacking.take(member, read)
    about = unpacking.finish()
    try:
        migrations = verify(folder / DATABASE)
    except StoreDamaged as error:
        raise BadBackup(f"the backup's database cannot be used: {error}") from error
    if migrations != about.migrations:
        raise BadBackup(f"the backup's database is not the one that {ABOUT} speaks of")
    checked = _restore_key(folder, about, passphrase, key, needed=whole)
    return Restored(about, unpacking.files, unpacking.size, checked)


def _restore_key(folder: Path, about: About, passphrase: bytes | None, key: bytes | None, *, needed: bool) -> bool:
    if about.key_id is None:
        return False
    sealed = folder / SEALED_KEY
    if key is None and passphrase is not None:
        if not about.key:
            raise KeyNeeded("the node's key is not in this backup: give it with --key, and no passphrase")
        key = open_with_passphrase(sealed.read_bytes(), passphrase, SEALED_KEY)
    if key is None:
        if not needed:
            return False
        how = "--passphrase-file opens the one in it" if about.key else "it is not in the backup; --key gives it"
        raise KeyNeeded(f"the node's key is needed: {how} (its id is {about.key_id})")
    keys = NodeKeys(key)
    if keys.id != about.key_id:
        raise UnusableKey(f"the key is another node's: its id is {keys.id}, and the backup's is {about.key_id}")
    worker = folder / WORKER_KEY
    if worker.exists():
        WorkerKey.load_or_create(worker, keys)  # which says what is wrong with it
    sealed.unlink(missing_ok=True)
    create_once(folder / NODE_KEY, key)
    return True


class _Unpacking:
    """Takes the files of an archive one after the other."""

    def __init__(self, folder: Path, *, whole: bool) -> None:
        self.files = 0
        self.size = 0
        self._folder = folder
        self._whole = whole
        self._about: About | None = None
        self._seen: set[str] = set()
        self._sums: list[str] = []
        self._finished = False

    def take(self, member: tarfile.TarInfo, read: Callable[[int], bytes]) -> None:
        """
        Raises:
            BadBackup.
            OSError: it cannot be written.
        """
        name = self._checked(member)
        if name == SUMS:
            self._compare(read, member.size)
            self._finished = True
            return
        digest = hashlib.sha256()
        own = _own_hash(name)
        kept = self._whole or name in (DATABASE, SEALED_KEY, WORKER_KEY)
        with self._opened(name) if kept else io.BytesIO() as file:
            left = member.size
            while left:
                data = read(min(left, _PIECE))
                if not data:
                    raise BadBackup(f"the backup is cut short, in {name}")
                left -= len(data)
                digest.update(data)
                if own is not None:
                    own.update(data)
                if kept or name == ABOUT:
                    file.write(data)
            if name == ABOUT:
                file.seek(0)
                self._about = About.decode(file.read())
        if own is not None and own.hexdigest() != name[-len(own.hexdigest()) :]:
            raise BadBackup(f"the backup is damaged: {name} is not what its name says")
        if name == ABOUT and self._whole:
            (self._folder / ABOUT).unlink()
        elif kept:
            now = time.time()
            moment = member.mtime if 0 <= member.mtime <= now else now
            os.utime(self._folder / name, (moment, moment))  # by which content is forgotten, the oldest first
        self._sums.append(f"{digest.hexdigest()}  {name}\n")
        self.files += 1
        self.size += member.size

    def _checked(self, member: tarfile.TarInfo) -> str:
        name = member.name
        shown = name[:200]
        if self._finished:
            raise BadBackup(f"this is no backup: {shown!r} follows {SUMS}")
        if not self._seen and name != ABOUT:
            raise BadBackup(f"this is no backup: it begins with {shown!r}, not {ABOUT!r}")
        if not is_known(name):
            raise BadBackup(f"this is no backup: no backup has a file {shown!r}")
        if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.issparse():
            raise BadBackup(f"this is no backup: {shown!r} is not a plain file")
        if name in self._seen:
            raise BadBackup(f"this is no backup: {shown!r} is in it twice")
        if member.size < 0 or (is_small(name) and member.size > MAX_SMALL_BYTES):
            raise BadBackup(f"this is no backup: {shown!r} has {member.size} bytes")
        self._seen.add(name)
        return name

    def _opened(self, name: str) -> BinaryIO:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        return os.fdopen(descriptor, "w+b")

    def _compare(self, read: Callable[[int], bytes], size: int) -> None:
        if size != sum(len(line.encode()) for line in self._sums):
            raise BadBackup(f"the backup is damaged: {SUMS} is not of the files in it")
        for line in self._sums:
            if read(len(line.encode())) != line.encode():
                raise BadBackup(f"the backup is damaged: {line.rstrip().partition('  ')[2]} is not what it was")

    def finish(self) -> About:
        """
        Raises:
            BadBackup: something is missing.
        """
        if self._about is None:
            raise BadBackup("this is no backup: it is empty")
        if not self._finished:
            raise BadBackup(f"the backup is cut short: {SUMS} is missing")
        for name in (DATABASE, *((SEALED_KEY,) if self._about.key else ())):
            if name not in self._seen:
                raise BadBackup(f"this is no backup: {name} is missing")
        return self._about


def _own_hash(name: str) -> "_BlockHash | hashlib._Hash | None":
    """What a file is to be hashed with that is named by its hash."""
    multihash, digest = block_of(name), blob_of(name)
    if multihash is not None:
        return _BlockHash(multihash)
    if digest is not None:
        return hashlib.new("sha256" if len(digest) == 64 else "sha512")
    return None


class _BlockHash:
    """The multihash of a block: of whichever function its name speaks of."""

    def __init__(self, multihash: bytes) -> None:
        self._function = hash_function(multihash)
        self._data = bytearray()

    def update(self, data: bytes) -> None:
        self._data += data

    def hexdigest(self) -> str:
        return self._function.multihash(bytes(self._data)).hex()


class _Bounded(io.BufferedReader):
    """An archive's file, as ``tarfile`` reads it: what a header claims does not decide how much is read at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _PIECE:
            raise BadBackup("this is no backup: a header of the archive makes no sense")
        return super().read(size)


def _members(file: "_Bounded") -> Iterator[tuple[tarfile.TarInfo, Callable[[int], bytes]]]:
    """The files of an archive in its order, and what reads each.

    Raises:
        BadBackup: it is not a tar archive, or is damaged.
    """
    with _tar_errors():
        archive = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115 - the file is the caller's
    while True:
        with _tar_errors():
            member = archive.next()
            if member is None:
                return
            archive.members = []  # type: ignore[attr-defined] # of which there may be very many
            content = archive.extractfile(member) if member.isreg() else None
        yield member, partial(_read, content)


def _read(content: IO[bytes] | None, size: int) -> bytes:
    with _tar_errors():
        return b"" if content is None else content.read(size)


@contextmanager
def _tar_errors() -> Iterator[None]:
    try:
        yield
    except BadBackup:
        raise
    except (tarfile.TarError, ValueError, OverflowError, EOFError, RecursionError, KeyError, IndexError) as error:
        raise BadBackup(f"the archive is damaged, cut short, or not a tar archive: {error}") from error

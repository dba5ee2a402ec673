"""Blobs: files by hash, in one flat directory (node-and-gateway 4.8).

A blob is written whole or not at all, and to the disk before it is acknowledged. What is read for a program or by one
is hashed again. Everything here blocks: call it from a thread.
"""

import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wapo.errors import CallerError, HostError

__all__ = ["BlobName", "BlobStore", "BlobStoreFailed", "BlobWriter", "InvalidBlobName", "NoSuchBlob", "WrongBlobHash"]

_ALGORITHMS: Final[dict[str, tuple[Callable[[], Any], int]]] = {
    "sha256": (hashlib.sha256, 64),
    "sha512": (hashlib.sha512, 128),
}
_HEX: Final = re.compile(r"[0-9a-fA-F]*")
_PIECE: Final = 1 << 20


class InvalidBlobName(CallerError):
    """Not the name of a blob: ``sha256:<64 hex digits>`` or ``sha512:<128 hex digits>``."""

    code = "invalid_blob_name"


class NoSuchBlob(CallerError):
    """There is no blob of that name."""

    code = "blob_not_found"
    status = 404


class WrongBlobHash(CallerError):
    """The content is not what the name says: it was not stored, or the file has been damaged."""

    code = "blob_hash_mismatch"


class BlobStoreFailed(HostError):
    """The directory of blobs cannot be read or written: disk full, permissions, a broken medium."""

    code = "blob_store_failed"
    status = 503


@dataclass(frozen=True, slots=True)
class BlobName:
    """``algorithm:hex``, in lower case. ``digest`` is empty where it is to be computed."""

    algorithm: str
    digest: str

    @classmethod
    def parse(cls, text: str, *, partial: bool = False) -> "BlobName":
        """A name as it is written. The hex may be in either case.

        Args:
            partial: whether the digest may be left out (``sha256:``), and the whole name too, which means SHA-256.

        Raises:
            InvalidBlobName.
        """
        algorithm, colon, digest = text.partition(":")
        if partial and not text:
            return cls("sha256", "")
        if not colon or algorithm not in _ALGORITHMS:
            raise InvalidBlobName(f"Invalid hash algorithm: {_short(text)!r} does not begin with sha256: or sha512:")
        length = _ALGORITHMS[algorithm][1]
        if not _HEX.fullmatch(digest) or (len(digest) != length and not (partial and not digest)):
            raise InvalidBlobName(f"{_short(text)!r} does not have the {length} hex digits of a {algorithm} hash")
        return cls(algorithm, digest.lower())

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digest}"


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."


class BlobWriter:
    """A blob on its way in: feed it, and then :meth:`finish` or :meth:`abort` it."""

    def __init__(self, store: "BlobStore", name: BlobName) -> None:
        self._store = store
        self._name = name
        self._hash = _ALGORITHMS[name.algorithm][0]()
        self._path = store.temporary / secrets.token_hex(16)
        self._file = self._path.open("xb")

    def write(self, data: bytes) -> None:
        """Raises :class:`BlobStoreFailed`, if the disk is full for one; abort it then."""
        self._hash.update(data)
        with self._store.errors():
            self._file.write(data)

    def finish(self) -> BlobName:
        """Makes it visible, durably; its full name.

        Raises:
            WrongBlobHash: it is not what its name says.
            BlobStoreFailed: it cannot be written. Either way nothing is stored.
        """
        try:
            digest = self._hash.hexdigest()
            if self._name.digest and digest != self._name.digest:
                raise WrongBlobHash(f"Hash mismatch: the content is {self._name.algorithm}:{digest}, not {self._name}")
            with self._store.errors():
                self._file.flush()
                os.fsync(self._file.fileno())
                self._file.close()
                self._path.replace(self._store.folder / digest)
                sync_folder(self._store.folder)
        except BaseException:
            self.abort()
            raise
        return BlobName(self._name.algorithm, digest)

    def abort(self) -> None:
        """Forgets it. Idempotent."""
        with contextlib.suppress(OSError):
            self._file.close()  # which writes what is still in memory, and the disk may be full
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


class BlobStore:
    """A directory of blobs. What an earlier process left half-way is removed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temporary = folder / ".tmp"
        try:
            self.temporary.mkdir(parents=True, exist_ok=True, mode=0o700)
            for left in self.temporary.iterdir():
                left.unlink(missing_ok=True)
        except OSError as error:
            raise BlobStoreFailed(f"{folder} cannot be used: {error.strerror}") from error

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        """What the system says of a write, as :class:`BlobStoreFailed`."""
        try:
            yield
        except OSError as error:
            raise BlobStoreFailed(f"{self.folder} cannot be written: {error.strerror}") from error

    def writer(self, name: BlobName) -> BlobWriter:
        """Raises :class:`BlobStoreFailed`."""
        with self.errors():
            return BlobWriter(self, name)

    def put(self, name: BlobName, content: bytes) -> BlobName:
        """Stores a blob whole; its full name.

        Raises:
            WrongBlobHash, BlobStoreFailed: nothing is stored.
        """
        writer = self.writer(name)
        try:
            writer.write(content)
            return writer.finish()
        except BaseException:
            writer.abort()
            raise

    def path(self, name: BlobName) -> Path:
        """Where that blob is, if it is here."""
        return self.folder / name.digest

    def exists(self, name: BlobName) -> bool:
        """Whether it is here; its content is not looked at."""
        return bool(name.digest) and self.path(name).is_file()

    def read(self, name: BlobName, at_most: int | None = None) -> bytes:
        """The content, hashed again.

        Raises:
            NoSuchBlob, WrongBlobHash.
            BlobStoreFailed: it cannot be read, or is longer than ``at_most``.
        """
        parts: list[bytes] = []
        self._hash_again(name, parts.append, at_most)
        return b"".join(parts)

    def find(self, digest: str) -> Path | None:
        """The file of a blob by its bare hex digest, of whichever algorithm, hashed again.

        Raises:
            WrongBlobHash, BlobStoreFailed.
        """
        algorithm = next((name for name, (_, length) in _ALGORITHMS.items() if length == len(digest)), None)
        if algorithm is None or not _HEX.fullmatch(digest):
            return None
        name = BlobName(algorithm, digest.lower())
        try:
            self._hash_again(name, lambda piece: None)
        except NoSuchBlob:
            return None
        return self.path(name)

    def _hash_again(self, name: BlobName, seen: Callable[[bytes], None], at_most: int | None = None) -> None:
        digest = _ALGORITHMS[name.algorithm][0]()
        try:
            with self.path(name).open("rb") as file:
                if at_most is not None and os.fstat(file.fileno()).st_size > at_most:
                    raise BlobStoreFailed(f"{name} is longer than {at_most} bytes")
                while piece := file.read(_PIECE):
                    digest.update(piece)
                    seen(piece)
        except FileNotFoundError:
            raise NoSuchBlob(f"there is no blob {name}") from None
        except OSError as error:
            raise BlobStoreFailed(f"{name} cannot be read: {error.strerror}") from error
        if digest.hexdigest() != name.digest:
            raise WrongBlobHash(f"Hash mismatch: the file of {name} has been damaged")

    def remove(self, name: BlobName) -> None:
        """Raises :class:`NoSuchBlob` if it is not here."""
        try:
            self.path(name).unlink()
            sync_folder(self.folder)
        except FileNotFoundError:
            raise NoSuchBlob(f"there is no blob {name}") from None
        except OSError as error:
            raise BlobStoreFailed(f"{name} cannot be removed: {error.strerror}") from error


def sync_folder(folder: Path) -> None:
    """Makes renames and removals in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

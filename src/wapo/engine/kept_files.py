"""Files that this process makes, keeps on disk, and believes when it finds them again.

What is kept is machine code that will run inside this process, and memory that every guest starts from. So a file is
believed only if its keyed digest matches: what is damaged, foreign or planted counts as missing, and is made anew. The
key is a file of mode 0600 beside the entries, in a directory of mode 0700.
"""

import contextlib
import hmac
import mmap
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ["KeptFiles"]

_DIGEST_BYTES: Final = 32


class KeptFiles:
    """Files in a directory, which is made if need be.

    An entry is two files: ``<name>.<kind>``, and ``<name>.mac``, a magic and the HMAC-SHA256 of magic, name and
    content. Safe for several processes at once: files appear by rename, and a pair of two writers that does not match
    counts as missing.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._key = self._load_key()
        except OSError:  # a full or read-only disk: nothing there is believed, and nothing is kept
            self._key = secrets.token_bytes(_DIGEST_BYTES)

    def _load_key(self) -> bytes:
        path = self.directory / "key"
        for _ in range(2):
            with contextlib.suppress(FileNotFoundError):
                key = path.read_bytes()
                if len(key) == _DIGEST_BYTES:
                    return key
                path.unlink(missing_ok=True)  # cut short by a full disk: without it every entry is foreign
            temporary = self._write_temporary(secrets.token_bytes(_DIGEST_BYTES))
            try:
                os.link(temporary, path)  # fails if another process was first, and then its key is the key
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
        return path.read_bytes()

    def _write_temporary(self, data: bytes) -> Path:
        descriptor, name = tempfile.mkstemp(dir=self.directory, prefix=".tmp-")  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:  # what came of it would only take room that is wanted elsewhere
            Path(name).unlink()
            raise
        return Path(name)

    def put(self, name: str, kind: str, content: bytes) -> None:
        """Keeps it, in place of what is there. Where the disk is full or read-only nothing is kept, which costs time at
        the next start and nothing else."""
        with contextlib.suppress(OSError):
            digest = self._write_temporary(_magic(kind) + self._digest(name, kind, content))
            try:
                self._write_temporary(content).replace(self.directory / f"{name}.{kind}")
                digest.replace(self.directory / f"{name}.mac")
            finally:
                digest.unlink(missing_ok=True)

    @contextmanager
    def opened(self, name: str, kind: str) -> Iterator[tuple[int, memoryview] | None]:
        """The file's descriptor and content for a block; None if there is none that can be believed.

        Whoever can write to the file can change it afterwards: it is this process's own user then.
        """
        try:
            expected = (self.directory / f"{name}.mac").read_bytes()
            descriptor = os.open(self.directory / f"{name}.{kind}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            yield None
            return
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or not status.st_size:  # which cannot be mapped
                yield None
                return
            with mmap.mmap(descriptor, 0, prot=mmap.PROT_READ) as mapped, memoryview(mapped) as content:
                good = hmac.compare_digest(expected, _magic(kind) + self._digest(name, kind, content))
                yield (descriptor, content) if good else None
        finally:
            os.close(descriptor)

    def _digest(self, name: str, kind: str, content: bytes | memoryview) -> bytes:
        state = hmac.new(self._key, _magic(kind) + name.encode() + b"\0", "sha256")
        state.update(content)
        return state.digest()


def _magic(kind: str) -> bytes:
    return f"wapo-{kind}-1\n".encode()

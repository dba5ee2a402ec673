"""Files that hold a key: made once, whole or not at all, readable by their owner only, never replaced."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from wapo.errors import HostError

__all__ = ["UnusableKey", "create_once", "load_or_create"]


class UnusableKey(HostError):
    """The key file is there but cannot be used. A new key is never made over it: every secret would be lost."""

    code = "unusable_key"


def load_or_create(path: Path, what: str, make: Callable[[], bytes]) -> bytes:
    """The content of that file; of what ``make`` returns, with mode 0600, if there is none.

    Processes that start at once all get the same content, whoever of them made it.

    Args:
        what: names the key in messages, as ``the node's key``.
    Raises:
        UnusableKey: the file cannot be made or read, or others may read it.
    """
    try:
        if not path.exists():
            create_once(path, make())
    except FileExistsError:
        pass
    except OSError as error:
        raise UnusableKey(f"{what} cannot be written to {path}: {error.strerror}") from error
    try:
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            raise UnusableKey(f"{path} may be read by others (mode {mode:04o}); run chmod 600 on it")
        return path.read_bytes()
    except OSError as error:
        raise UnusableKey(f"{what} cannot be read from {path}: {error.strerror}") from error


def create_once(path: Path, content: bytes) -> None:
    """Writes a new file whole or not at all, and to the disk before it returns.

    Raises:
        FileExistsError: there is one already, perhaps another process's of this moment.
        OSError: it cannot be written.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".key-")  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    finally:
        Path(temporary).unlink()
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)  # the name, too: a key that was used and then forgotten is a key that was lost
    finally:
        os.close(folder)

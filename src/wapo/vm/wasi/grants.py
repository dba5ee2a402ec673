"""Directories of the host that a program is given: ``wapo run program.wasm --dir HOST[::GUEST][:ro]``."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from wapo.errors import CallerError
from wapo.vm.wasi.memory import MAX_PATH_BYTES

__all__ = ["CannotGrant", "Grant", "OpenGrant", "opened"]


class CannotGrant(CallerError):
    """What a program was to be given is not a directory, cannot be opened, or has a name that it cannot be given."""

    code = "cannot_grant"


@dataclass(frozen=True, slots=True)
class Grant:
    """A directory, and what the program knows it by.

    Attributes:
        host: the directory.
        name: its name in the program; a libc finds absolute paths by it.
        writable: whether anything in it may be changed, through whatever path.
    """

    host: Path
    name: str
    writable: bool = True


@dataclass(frozen=True, slots=True)
class OpenGrant:
    """A grant whose directory is open.

    Attributes:
        descriptor: the directory; belongs to the block that opened it.
        identity: device and inode.
    """

    descriptor: int
    name: bytes
    writable: bool
    identity: tuple[int, int]


@contextmanager
def opened(grants: Iterable[Grant]) -> Iterator[tuple[OpenGrant, ...]]:
    """The directories, open for a block; close the guests before. Blocks shortly.

    Raises:
        CannotGrant: one of them cannot be given.
    """
    held: list[OpenGrant] = []
    try:
        for grant in grants:
            held.append(_open(grant))
        yield tuple(held)
    finally:
        for item in held:
            os.close(item.descriptor)


def _open(grant: Grant) -> OpenGrant:
    name = grant.name.encode("utf-8", "surrogateescape")
    if not name or b"\0" in name or len(name) > MAX_PATH_BYTES:
        raise CannotGrant(f"{grant.name!r} is not a name for a directory")
    try:
        descriptor = os.open(grant.host, os.O_RDONLY | os.O_DIRECTORY)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise CannotGrant(f"{grant.host} cannot be given to the program: {reason}") from None
    found = os.fstat(descriptor)
    return OpenGrant(descriptor, name, grant.writable, (found.st_dev, found.st_ino))

"""What the numbers of a guest's descriptors stand for."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from wapo.vm.wasi import layout
from wapo.vm.wasi.errno import Errno, Failure
from wapo.vm.wasi.layout import Status

if TYPE_CHECKING:
    from wapo.engine.suspension import Suspension
    from wapo.vm.guest import Guest
    from wapo.vm.wasi.memory import Buffers

__all__ = ["APPEND", "DSYNC", "NONBLOCK", "RSYNC", "SYNC", "Descriptor", "DescriptorTable", "Readiness"]

# $fdflags
APPEND: Final = 1
DSYNC: Final = 2
NONBLOCK: Final = 4
RSYNC: Final = 8
SYNC: Final = 16

#: Bytes that can be read or written, and whether the other end is gone.
Readiness = tuple[int, bool]


class Descriptor:
    """Something open. What a kind of descriptor cannot do fails with the number that ``refusal`` names.

    Methods that touch a file system answer with a ``Suspension``, and never block.

    Attributes:
        filetype: ``$filetype``.
        flags: ``$fdflags``.
        base, inheriting: rights.
    """

    filetype: int = layout.UNKNOWN
    #: Rights that a descriptor of this kind can have. What needs another fails for what it is, not for that.
    possible: int = 0
    #: Answer to positions and sizes, which this kind does not have.
    refusal: Errno = Errno.BADF
    #: Answer to reading and writing.
    refusal_of_data: Errno = Errno.BADF
    __slots__ = ("base", "flags", "inheriting")

    def __init__(self, base: int, inheriting: int = 0, flags: int = 0) -> None:
        self.base = base
        self.inheriting = inheriting
        self.flags = flags

    def read(self, guest: "Guest", buffers: "Buffers", at: int | None) -> "int | Suspension":
        """Bytes read, at a position or (None) where the descriptor is."""
        raise Failure(self.refusal_of_data)

    def write(self, guest: "Guest", buffers: "Buffers", at: int | None) -> "int | Suspension":
        """Bytes written, likewise."""
        raise Failure(self.refusal_of_data)

    def seek(self, guest: "Guest", offset: int, whence: int) -> "int | Suspension":
        """The new position. ``whence`` is one of ``os.SEEK_*``, ``offset`` is signed."""
        raise Failure(self.refusal)

    def advise(self, guest: "Guest", offset: int, length: int, advice: int) -> "int | Suspension":
        raise Failure(self.refusal)

    def allocate(self, guest: "Guest", offset: int, length: int) -> "int | Suspension":
        raise Failure(self.refusal)

    def synchronise(self, guest: "Guest", *, data_only: bool) -> "int | Suspension":
        raise Failure(Errno.INVAL)

    def status(self, guest: "Guest") -> "Status | Suspension":
        return Status(filetype=self.filetype)

    def set_size(self, guest: "Guest", size: int) -> "int | Suspension":
        raise Failure(self.refusal)

    def set_times(self, guest: "Guest", accessed: int | None, modified: int | None) -> "int | Suspension":
        """Sets times: nanoseconds, ``times.NOW`` or None to leave one alone."""
        raise Failure(self.refusal)

    def readable(self) -> "Readiness | None":
        """What ``poll_oneoff`` is told: None if a read would wait."""
        raise Failure(Errno.BADF)

    def writable(self) -> "Readiness | None":
        raise Failure(Errno.BADF)

    def close(self) -> None:
        """Gives up what belongs to the event loop's thread. Idempotent."""

    @property
    def held(self) -> list[int]:
        """The host's descriptors in it; whoever closes it closes them, on a thread."""
        return []


class DescriptorTable:
    """From numbers to descriptors.

    Args:
        room: how many there may be at once.
    """

    FIRST: Final = 3
    __slots__ = ("_items", "_room")

    def __init__(self, room: int) -> None:
        self._items: dict[int, Descriptor] = {}
        self._room = room

    def __iter__(self) -> Iterator[Descriptor]:
        return iter(self._items.values())

    def get(self, number: int) -> Descriptor:
        """Fails with ``BADF``."""
        found = self._items.get(number)
        if found is None:
            raise Failure(Errno.BADF)
        return found

    def check_room(self) -> None:
        """Fails with ``MFILE`` if :meth:`add` would."""
        if len(self._items) >= self._room:
            raise Failure(Errno.MFILE)

    def add(self, item: Descriptor) -> int:
        """The lowest free number from 3 up: the standard ones are never given to something else.

        Fails with ``MFILE``.
        """
        self.check_room()
        number = self.FIRST
        while number in self._items:
            number += 1
        self._items[number] = item
        return number

    def set(self, number: int, item: Descriptor) -> None:
        """For the standard descriptors, and ``fd_renumber``."""
        self._items[number] = item

    def remove(self, number: int) -> Descriptor:
        """Fails with ``BADF``."""
        item = self.get(number)
        del self._items[number]
        return item

    def clear(self) -> list[Descriptor]:
        """Everything that was in it."""
        items = list(self._items.values())
        self._items.clear()
        return items

"""What every worker has written where its supervisor can read it at any moment, also when it has died: figures in
memory that they share."""

import mmap
import os
from typing import Final

__all__ = ["ROWS", "Board", "Row"]

#: Workers at a time, with those of before a reload.
ROWS: Final = 1024
_TAKEN, _OPEN, _BEATS = 0, 1, 2
_COLUMNS: Final = 4
_CELL: Final = 8


class Row:
    """The figures of one worker, which alone writes them: words that are written and read whole."""

    def __init__(self, cells: "memoryview[int]", index: int) -> None:
        self._cells = cells
        self._at = index * _COLUMNS

    @property
    def taken(self) -> int:
        """Connections that it has taken out of its socket, ever."""
        return self._cells[self._at + _TAKEN]

    @taken.setter
    def taken(self, count: int) -> None:
        self._cells[self._at + _TAKEN] = count

    @property
    def open(self) -> int:
        """Connections that it has open."""
        return self._cells[self._at + _OPEN]

    @open.setter
    def open(self, count: int) -> None:
        self._cells[self._at + _OPEN] = count

    @property
    def beats(self) -> int:
        """Grows a few times a second, as long as its event loop goes round."""
        return self._cells[self._at + _BEATS]

    @beats.setter
    def beats(self, count: int) -> None:
        self._cells[self._at + _BEATS] = count

    def clear(self) -> None:
        """For the next worker."""
        self.taken = self.open = self.beats = 0


class Board:
    """Rows of figures in a memory file."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._map = mmap.mmap(descriptor, ROWS * _COLUMNS * _CELL)
        self._cells = memoryview(self._map).cast("q")

    @classmethod
    def new(cls) -> "Board":
        """An empty one."""
        descriptor = os.memfd_create("wapo-board")
        os.ftruncate(descriptor, ROWS * _COLUMNS * _CELL)
        return cls(descriptor)

    def row(self, index: int) -> Row:
        return Row(self._cells, index)

    def close(self) -> None:
        """Idempotent."""
        self._cells.release()
        self._map.close()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

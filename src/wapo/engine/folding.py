"""Folding: the memory of a machine that waits, kept as its difference to its image.

A machine that waits for long holds every page that it has written, a hundred or so, most of them for a few bytes.
Folded, it holds these bytes; the pages go back to the kernel, and the memory reads as the image until it is unfolded,
which has to happen before anybody looks at it. That is right only between polls, when no guest frame is on a stack.
"""

import ctypes
import mmap
from typing import Final

from wapo.engine.difference import Difference
from wapo.engine.image import own_pages
from wapo.engine.instance import Instance

__all__ = ["MAX_FOLD_BYTES", "fold", "unfold"]

#: A machine that has written more than this is left alone: comparing takes a millisecond a megabyte.
MAX_FOLD_BYTES: Final = 2 << 20

_libc: Final = ctypes.PyDLL(None, use_errno=True)
_madvise = _libc.madvise
_madvise.restype = ctypes.c_int
_madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]


def fold(instance: Instance) -> Difference | None:
    """Gives the pages back that an instance has written since it was restored; what must be put back with
    :func:`unfold`, or None if nothing was done: it has no image, the image is closed, it has written too much or in too
    many places, an old kernel.
    """
    image = instance.image
    if image is None or image.closed:
        return None
    base, size = instance.base, instance.memory_size
    written = own_pages(base, base + size)
    if not written or sum(last - first for first, last in written) > MAX_FOLD_BYTES:
        return None
    pages = [(first - base, last - base) for first, last in written]
    difference = Difference.between(image.address, image.size, base, pages)
    instance.own_pages = None  # which a reset would go by
    # Of a private mapping of a file what is left then is the file, and of a grown memory's other pages zeros.
    if _madvise(base, size, mmap.MADV_DONTNEED):
        unfold(instance, difference)  # some pages may be gone
        return None
    return difference


def unfold(instance: Instance, difference: Difference) -> None:
    """Makes the memory again what it was. Its pages are written one by one: 0.1 to 0.2 ms."""
    difference.apply(instance.base)

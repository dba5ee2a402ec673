"""Page faults of this thread, which tell for the price of a system call that no page has become the process's own.

A page of a private mapping becomes the process's own by a fault, and each fault that is completed is counted for the
thread that caused it, be it in its own code or in the kernel's on its behalf (``mm_account_fault`` in Linux'
mm/memory.c; getrusage(2), RUSAGE_THREAD). Memory of guests is written on the event loop's thread alone, but for one
byte (``Instance.touch_flag``). So where the count has not moved, nothing new was written: what was written went to
pages that were the process's own before.
"""

import ctypes
from typing import Final

__all__ = ["page_faults"]

_THREAD: Final = 1
# struct rusage: two timevals, ru_maxrss, ru_ixrss, ru_idrss, ru_isrss, then ru_minflt and ru_majflt.
_MINOR: Final = 8
_MAJOR: Final = 9
_usage: Final = (ctypes.c_long * 18)()
_values: Final = memoryview(_usage).cast("B").cast("l")
_address: Final = ctypes.addressof(_usage)
_getrusage: Final = ctypes.PyDLL(None).getrusage
_getrusage.argtypes = [ctypes.c_int, ctypes.c_void_p]


def page_faults() -> int:
    """How many this thread has had, minor and major ones."""
    _getrusage(_THREAD, _address)
    return _values[_MINOR] + _values[_MAJOR]

"""Which guest is running on this thread, right now.

Guests of one process all run on the event loop's thread, one at a time, so this is a few plain fields: set before a
call is resumed, read by the host functions that it calls. (wasmtime could hand a pointer to every host function, at
the cost of two more C calls each.)
"""

import threading
from typing import TYPE_CHECKING, Any, Final

from wapo.engine import capi

if TYPE_CHECKING:
    from wapo.engine.instance import Instance
    from wapo.engine.suspension import Suspension

__all__ = ["running"]

_memory: Final = capi.memory


class _Running:
    """Attributes:
    guest: what the call under way was started for; None between calls.
    failure: what a host function raised, until the call under way raises it again.
    starting: the instance whose start function is running; its memory is not known before it calls the host.
    waiting: what the call under way waits for, if it came back without being done.
    flag: address of the byte that tells the guest under way that its slice is over; 0 if its epoch does.
    yielding: whether the guest is just about to end its slice itself.
    """

    __slots__ = ("_lock", "_ticked", "_turn", "failure", "flag", "guest", "starting", "waiting", "yielding")

    def __init__(self) -> None:
        self.guest: Any = None
        self.failure: BaseException | None = None
        self.starting: Instance | None = None
        self.waiting: Suspension | None = None
        self.flag = 0
        self.yielding = False
        self._turn = 0
        self._ticked = 0
        self._lock = threading.Lock()  # the memory that the flag is in must not go while another thread writes it

    def begin_turn(self, flag: int) -> None:
        """A guest is about to run, or to go on."""
        self._turn += 1
        self.flag = flag

    def tick(self) -> None:
        """Tells the guest under way, if it listens to its flag, at the second tick of its turn. Called from the
        ticker's thread."""
        with self._lock:
            if not self.flag:
                return
            if self._ticked == self._turn:
                _memory[self.flag] = 1
            self._ticked = self._turn

    def lower_flag(self) -> None:
        """The guest has come back: the flag is not its any more, and is as it was (it would be in an image, too)."""
        with self._lock:
            flag, self.flag = self.flag, 0
            if _memory[flag]:
                _memory[flag] = 0


running = _Running()

"""Which guest is running on this thread, right now.

Guests of one process all run on the event loop's thread, one at a time, so this is a few plain fields: set before a
call is resumed, read by the host functions that it calls. (wasmtime could hand a pointer to every host function, at
the cost of two more C calls each.)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wapo.engine.instance import Instance
    from wapo.engine.suspension import Suspension

__all__ = ["running"]


class _Running:
    """Attributes:
    guest: what the call under way was started for; None between calls.
    failure: what a host function raised, until the call under way raises it again.
    starting: the instance whose start function is running; its memory is not known before it calls the host.
    waiting: what the call under way waits for, if it came back without being done.
    """

    __slots__ = ("failure", "guest", "starting", "waiting")

    def __init__(self) -> None:
        self.guest: Any = None
        self.failure: BaseException | None = None
        self.starting: Instance | None = None
        self.waiting: Suspension | None = None


running = _Running()

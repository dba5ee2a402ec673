"""What files and directories have in common: a descriptor of the host's, and a grant that they came from."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from wapo.engine.suspension import Suspension
from wapo.vm.wasi import system_calls
from wapo.vm.wasi.descriptors import Descriptor
from wapo.vm.wasi.errno import Errno, Failure
from wapo.vm.wasi.layout import status_of
from wapo.vm.wasi.waiting import Jobs, awaiting

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["HostDescriptor"]


class HostDescriptor(Descriptor):
    """Something open in the host's file system.

    Args:
        jobs: where its guest's blocking work runs.
        descriptor: the host's; given back by ``held``.
        changeable: whether the grant allows changes. The rights are the guest's own; this it cannot touch.
    """

    __slots__ = ("changeable", "descriptor", "jobs")

    def __init__(
        self, jobs: Jobs, descriptor: int, base: int, inheriting: int, flags: int, *, changeable: bool
    ) -> None:
        super().__init__(base, inheriting, flags)
        self.jobs = jobs
        self.descriptor = descriptor
        self.changeable = changeable

    def synchronise(self, guest: "Guest", *, data_only: bool) -> Suspension:
        call = os.fdatasync if data_only else os.fsync
        return self.do(lambda: call(self.descriptor))

    def status(self, guest: "Guest") -> Suspension:
        return awaiting(self.jobs.run(lambda: status_of(os.fstat(self.descriptor))))

    def set_times(self, guest: "Guest", accessed: int | None, modified: int | None) -> Suspension:
        self.check_changeable()
        return self.do(lambda: system_calls.set_times(self.descriptor, accessed, modified))

    @property
    def held(self) -> list[int]:
        return [self.descriptor]

    def check_changeable(self) -> None:
        """Fails with ``ROFS`` if the grant is read-only."""
        if not self.changeable:
            raise Failure(Errno.ROFS)

    def do(self, work: Callable[[], object]) -> Suspension:
        """Does work on a thread; 0 when it has succeeded."""

        async def run() -> int:
            await self.jobs.run(work)
            return 0

        return awaiting(run())

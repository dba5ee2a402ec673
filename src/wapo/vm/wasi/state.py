"""What one guest has of WASI: its descriptors. And what its runner gives it."""

import os
import resource
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from wapo.vm.wasi.descriptors import Descriptor, DescriptorTable
from wapo.vm.wasi.directories import pre_opened
from wapo.vm.wasi.grants import OpenGrant
from wapo.vm.wasi.inputs import BytesInput, Input
from wapo.vm.wasi.outputs import Output
from wapo.vm.wasi.stdio import LogOutput, StandardInput, StandardOutput
from wapo.vm.wasi.waiting import Jobs

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["WasiSettings", "WasiState", "close_all"]

_STDOUT_LEVEL = 3  # info
_STDERR_LEVEL = 1  # error


@dataclass(frozen=True)
class WasiSettings:
    """What a program finds beside its arguments and its environment: by default nothing.

    Attributes:
        directories: what it may open files in; see ``grants.opened``.
        stdin: what it reads from descriptor 0.
        stdout, stderr: what it writes descriptors 1 and 2 to; None: its log, line by line.
        open_files: most that it may have open at once, the standard and granted descriptors not counted. The process
            never gives one guest more than a quarter of what it may have itself.
    """

    directories: tuple[OpenGrant, ...] = ()
    stdin: Input = field(default_factory=BytesInput)
    stdout: Output | None = None
    stderr: Output | None = None
    open_files: int = 256


class WasiState:
    """The descriptors of one guest. Making them does not block; :meth:`close` ends them.

    Attributes:
        table: by number.
        jobs: its blocking work.

    Raises (constructor):
        OSError: the process has no descriptor left.
    """

    __slots__ = ("jobs", "table")

    def __init__(self, guest: "Guest", settings: WasiSettings | None = None) -> None:
        settings = settings or WasiSettings()
        self.jobs = Jobs()
        standard: tuple[Descriptor, ...] = (
            StandardInput(settings.stdin),
            _output(guest, settings.stdout, _STDOUT_LEVEL),
            _output(guest, settings.stderr, _STDERR_LEVEL),
        )
        room = settings.open_files
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if limit != resource.RLIM_INFINITY:
            room = min(room, limit // 4)
        self.table = DescriptorTable(room + len(standard) + len(settings.directories))
        for number, item in enumerate(standard):
            self.table.set(number, item)
        try:
            for grant in settings.directories:
                self.table.add(pre_opened(self.jobs, grant))
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Beginnings of lines are logged; files are closed as soon as no job uses them. Idempotent."""
        items = self.table.clear()
        if any(item.held for item in items):
            self.jobs.finally_run(partial(_close_for_nobody, items))
        for item in items:
            item.close()


def _output(guest: "Guest", output: Output | None, level: int) -> Descriptor:
    return LogOutput(guest, level) if output is None else StandardOutput(output)


def _close_for_nobody(items: Iterable[Descriptor]) -> None:
    with suppress(OSError):
        close_all(items)


def close_all(items: Iterable[Descriptor]) -> None:
    """Closes what the host has open for descriptors that are gone. May block.

    Raises:
        OSError: the first of them that failed; all are closed nevertheless.
    """
    failure: OSError | None = None
    for descriptor in [descriptor for item in items for descriptor in item.held]:
        try:
            os.close(descriptor)
        except OSError as error:
            failure = failure or error
    if failure is not None:
        raise failure

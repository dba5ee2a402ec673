"""Arguments, environment, the end, and giving way (``args_*``, ``environ_*``, ``proc_*``, ``sched_yield``)."""

import asyncio
from typing import TYPE_CHECKING, NoReturn

from wapo.engine.errors import GuestExited, GuestTrapped
from wapo.engine.linker import SLICE_END
from wapo.engine.suspension import Suspension
from wapo.vm.wasi.layout import U32

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = [
    "args_get", "args_sizes_get", "end_slice", "environ_get", "environ_sizes_get", "proc_exit", "proc_raise",
    "sched_yield",
]  # fmt: skip


def _args(guest: "Guest") -> list[bytes]:
    return [_text(arg) for arg in guest.args]


def _env(guest: "Guest") -> list[bytes]:
    return [_text(f"{key}={value}") for key, value in guest.env]


def _text(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape") + b"\0"


def _strings(guest: "Guest", items: list[bytes], pointers: int, buffer: int) -> int:
    at = buffer
    for index, item in enumerate(items):
        guest.instance.write(pointers + 4 * index, U32.pack(at))
        guest.instance.write(at, item)
        at += len(item)
    return 0


def _sizes(guest: "Guest", items: list[bytes], count: int, size: int) -> int:
    guest.instance.write(count, U32.pack(len(items)))
    guest.instance.write(size, U32.pack(sum(map(len, items))))
    return 0


def args_get(guest: "Guest", pointers: int, buffer: int) -> int:
    return _strings(guest, _args(guest), pointers, buffer)


def args_sizes_get(guest: "Guest", count: int, size: int) -> int:
    return _sizes(guest, _args(guest), count, size)


def environ_get(guest: "Guest", pointers: int, buffer: int) -> int:
    return _strings(guest, _env(guest), pointers, buffer)


def environ_sizes_get(guest: "Guest", count: int, size: int) -> int:
    return _sizes(guest, _env(guest), count, size)


def proc_exit(guest: "Guest", code: int) -> NoReturn:
    """What the code means is the guest's loop's to say (wapo-abi.md 1.4)."""
    raise GuestExited(code)


def proc_raise(guest: "Guest", signal: int) -> NoReturn:
    """There are no signals: the program ends in a trap."""
    raise GuestTrapped(f"the program raised signal {signal}")


def end_slice(guest: "Guest") -> object:
    """Whoever has work to do goes first."""
    return SLICE_END


def sched_yield(guest: "Guest") -> Suspension:
    """Everybody else has a turn, sockets and timers too. It is no rest: the CPU since the last wait still counts."""
    suspension = Suspension(lambda: turn.cancel(), rests=False)
    turn = asyncio.get_running_loop().call_soon(suspension.complete, 0)
    return suspension

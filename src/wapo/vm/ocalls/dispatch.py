"""From a number to a handler (wapo-abi.md section 2): the imports, result words, the return slot, tracing.

A handler is ``handler(guest, task, p0, p1, p2, p3)`` with unsigned 32-bit numbers. Handlers of fast calls return a
result word, handlers of slow calls the encoded result or a result word that is an error. They may raise
``OcallFailure``; a range outside the guest's memory is ``InvalidParameter``.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from wapo.abi.calls import CALLS, GET_RETURN
from wapo.abi.results import ERR, OcallError, OcallFailure
from wapo.engine.errors import GuestTrapped
from wapo.engine.instance import MemoryFault
from wapo.engine.linker import HostFunction

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["Handler", "Handlers", "host_functions"]

Handler = Callable[["Guest", int, int, int, int, int], "int | bytes"]
Handlers = Mapping[int, Handler]

_UNKNOWN: Final = ERR | OcallError.UNKNOWN_CALL_NUMBER
_INVALID_PARAMETER: Final = ERR | OcallError.INVALID_PARAMETER
_NOT_FOUND: Final = ERR | OcallError.NOT_FOUND
_NO_MEMORY: Final = "the module exports no memory, which ocalls need"
_PARAMS: Final = ("i32",) * 6


def _get_return(guest: "Guest", pointer: int, length: int) -> int:
    """Number 0 (2.4): the bytes are gone from the slot whatever happens next."""
    data, guest.return_slot = guest.return_slot, None
    if data is None:
        return _NOT_FOUND
    if length != len(data):
        return _INVALID_PARAMETER
    try:
        guest.instance.write(pointer, data)
    except MemoryFault:
        return _INVALID_PARAMETER
    return length


def host_functions(families: Iterable[Handlers]) -> list[HostFunction]:
    """The four imports (2.1), serving the handlers of all families."""
    fast: dict[int, Handler] = {}
    slow: dict[int, Handler] = {}
    for family in families:
        for number, handler in family.items():
            (fast if CALLS[number].fast else slow)[number] = handler

    def ocall_fast_return(guest: "Guest", task: int, number: int, p0: int, p1: int, p2: int, p3: int) -> int:
        if number == GET_RETURN:
            return _get_return(guest, p0, p1)
        handler = fast.get(number)
        if handler is None:
            return _UNKNOWN
        if not guest.instance.base:
            raise GuestTrapped(_NO_MEMORY)
        try:
            result = handler(guest, task, p0, p1, p2, p3)
        except MemoryFault:
            result = _INVALID_PARAMETER
        except OcallFailure as failure:
            result = ERR | failure.code
        if guest.trace:
            _trace(guest, number, (p0, p1, p2, p3), result)
        return result  # type: ignore[return-value]

    def ocall(guest: "Guest", task: int, number: int, p0: int, p1: int, p2: int, p3: int) -> int:
        handler = slow.get(number)
        if handler is None:
            return _UNKNOWN
        if not guest.instance.base:
            raise GuestTrapped(_NO_MEMORY)
        try:
            result = handler(guest, task, p0, p1, p2, p3)
        except MemoryFault:
            result = _INVALID_PARAMETER
        except OcallFailure as failure:
            result = ERR | failure.code
        if guest.trace:
            _trace(guest, number, (p0, p1, p2, p3), result)
        if isinstance(result, bytes):
            guest.return_slot = result
            return len(result)
        return result

    names = (("wapo", "ocall", "ocall_fast_return"), ("env", "sidevm_ocall", "sidevm_ocall_fast_return"))
    return [
        HostFunction(module, name, _PARAMS, ("i64",), call)
        for module, slow_name, fast_name in names
        for name, call in ((slow_name, ocall), (fast_name, ocall_fast_return))
    ]


def _trace(guest: "Guest", number: int, arguments: tuple[int, ...], result: int | bytes) -> None:
    """One line a call (2.11)."""
    if isinstance(result, bytes):
        text = f"Ok({len(result)} bytes)"
    elif result & ERR:
        text = f"Err({result & 0xFF})"
    else:
        text = f"Ok({result})"
    guest.services.log(guest, 5, f"{CALLS[number].name}({', '.join(map(str, arguments))}) = {text}")

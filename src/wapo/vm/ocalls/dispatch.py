"""From a number to a handler (wapo-abi.md section 2): the imports, result words, the return slot, tracing.

A handler is ``handler(guest, task, p0, p1, p2, p3)`` with unsigned 32-bit numbers. Handlers of fast calls return a
result word, handlers of slow calls the encoded result or a result word that is an error. They may raise
``OcallFailure``; a range outside the guest's memory is ``InvalidParameter``. Where the host functions are made to
suspend, handlers of slow calls may return a ``Suspension`` of what they would return.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from wapo.abi.calls import CALLS, GET_RETURN
from wapo.abi.results import ERR, OcallError, OcallFailure
from wapo.engine.errors import GuestTrapped
from wapo.engine.instance import MemoryFault
from wapo.engine.linker import HostFunction
from wapo.engine.suspension import Suspension
from wapo.vm.dialect import Dialect

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["Handler", "Handlers", "host_functions"]

Handler = Callable[["Guest", int, int, int, int, int], "int | bytes | Suspension"]
Handlers = Mapping[int, Handler]

_UNKNOWN: Final = ERR | OcallError.UNKNOWN_CALL_NUMBER
_INVALID_PARAMETER: Final = ERR | OcallError.INVALID_PARAMETER
_NOT_FOUND: Final = ERR | OcallError.NOT_FOUND
_NO_MEMORY: Final = "the module exports no memory, which ocalls need"
_PARAMS: Final = ("i32",) * 6


def _get_return(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """Number 0 (2.4): the bytes are gone from the slot whatever happens next."""
    data, guest.return_slot = guest.return_slot, None
    if data is None:
        return _NOT_FOUND
    if p1 != len(data):
        return _INVALID_PARAMETER
    guest.instance.write(p0, data)
    return p1


def _unknown(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """A number that does not exist, or came through the wrong import."""
    return _UNKNOWN


class _Table:
    """The handlers of one dialect, by import."""

    def __init__(self, families: Iterable[Handlers]) -> None:
        self.fast: dict[int, Handler] = {GET_RETURN: _get_return}
        self.slow: dict[int, Handler] = {}
        for family in families:
            for number, handler in family.items():
                (self.fast if CALLS[number].fast else self.slow)[number] = handler


def _fast_call(choose: Callable[["Guest"], _Table] | _Table) -> Callable[..., int]:
    """``ocall_fast_return``: the result is in the result word."""
    table = choose if isinstance(choose, _Table) else None

    def ocall_fast_return(guest: "Guest", task: int, number: int, p0: int, p1: int, p2: int, p3: int) -> int:
        if not guest.instance.base:
            raise GuestTrapped(_NO_MEMORY)
        handler = (table or choose(guest)).fast.get(number, _unknown)  # type: ignore[operator]
        try:
            result = handler(guest, task, p0, p1, p2, p3)
        except MemoryFault:
            result = _INVALID_PARAMETER
        except OcallFailure as failure:
            result = ERR | failure.code
        if guest.trace:
            _trace(guest, number, (p0, p1, p2, p3), result)
        return result  # type: ignore[return-value]

    return ocall_fast_return


def _slow_call(choose: Callable[["Guest"], _Table] | _Table) -> Callable[..., int | Suspension]:
    """``ocall``: the result word has the length of what waits in the return slot."""
    table = choose if isinstance(choose, _Table) else None

    def ocall(guest: "Guest", task: int, number: int, p0: int, p1: int, p2: int, p3: int) -> int | Suspension:
        if not guest.instance.base:
            raise GuestTrapped(_NO_MEMORY)
        handler = (table or choose(guest)).slow.get(number, _unknown)  # type: ignore[operator]
        try:
            result = handler(guest, task, p0, p1, p2, p3)
        except MemoryFault:
            result = _INVALID_PARAMETER
        except OcallFailure as failure:
            result = ERR | failure.code
        if type(result) is Suspension:
            arguments = (p0, p1, p2, p3)
            result.then(lambda value: _keep(guest, number, arguments, value))
            result.catch(lambda error: _keep(guest, number, arguments, _error_word(error)))
            return result
        return _keep(guest, number, (p0, p1, p2, p3), result)

    return ocall


def _error_word(error: Exception) -> int:
    if isinstance(error, MemoryFault):
        return _INVALID_PARAMETER
    if isinstance(error, OcallFailure):
        return ERR | error.code
    raise error


def _keep(guest: "Guest", number: int, arguments: tuple[int, ...], result: "int | bytes | Suspension") -> int:
    """The result word of a slow call; its bytes go into the return slot."""
    if guest.trace:
        _trace(guest, number, arguments, result)
    if isinstance(result, bytes):
        guest.return_slot = result
        return len(result)
    assert isinstance(result, int)
    return result


def host_functions(
    families: Iterable[Handlers], legacy: Iterable[Handlers] = (), *, suspends: bool = False
) -> list[HostFunction]:
    """The four imports (2.1), serving the handlers of all families.

    Args:
        legacy: what the predecessor's dialect has beside them or instead of them.
        suspends: whether handlers of slow calls may return suspensions.
    """
    families = tuple(families)
    wapo = _Table(families)
    old = _Table((*families, *legacy))

    def by_dialect(guest: "Guest") -> _Table:
        return old if guest.dialect is Dialect.LEGACY else wapo

    return [
        HostFunction("wapo", "ocall", _PARAMS, ("i64",), _slow_call(wapo), suspends),
        HostFunction("wapo", "ocall_fast_return", _PARAMS, ("i64",), _fast_call(wapo)),
        HostFunction("env", "sidevm_ocall", _PARAMS, ("i64",), _slow_call(by_dialect), suspends),
        HostFunction("env", "sidevm_ocall_fast_return", _PARAMS, ("i64",), _fast_call(by_dialect)),
    ]


def _trace(guest: "Guest", number: int, arguments: tuple[int, ...], result: "int | bytes | Suspension") -> None:
    """One line a call (2.11): its name and parameters, and the value or the code of its result word."""
    call = CALLS.get(number)
    name = call.name if call is not None else f"unknown_{number}"
    word = len(result) if isinstance(result, bytes) else result
    assert isinstance(word, int)
    text = f"Err({word & 0xFF})" if word & ERR else f"Ok({word})"
    guest.services.log(guest, 5, f"{name}({', '.join(map(str, arguments))}) = {text}")

"""Resources, tasks, wakers, timers, one-shots, log, randomness (wapo-abi.md 3.1, ids 101 to 243).

Gas is counted when an operation starts, not when its arguments could not be decoded (2.6).
"""

import os
import sys
from array import array
from collections.abc import Container
from typing import TYPE_CHECKING, Final

from wapo.abi.results import ERR, PENDING, OcallError, OcallFailure, signed
from wapo.scale.primitives import encode_bytes, encode_compact
from wapo.vm.ocalls.dispatch import Handlers
from wapo.vm.resources.channel import Channel
from wapo.vm.resources.timer import Timer

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["CORE", "create_channel", "read_text"]

_INVALID_ENCODING: Final = ERR | OcallError.INVALID_ENCODING
_INVALID_PARAMETER: Final = ERR | OcallError.INVALID_PARAMETER
_NOT_FOUND: Final = ERR | OcallError.NOT_FOUND
_RESOURCE_LIMITED: Final = ERR | OcallError.RESOURCE_LIMITED

#: Most random bytes of one call. The ABI names no limit; but a call cannot be interrupted, and 4 GB take seconds.
MAX_RANDOM_BYTES: Final = 1 << 20

#: Most text of one log call that is looked at, for the same reason. The rest is cut.
MAX_LOG_TEXT_BYTES: Final = 256 << 10

#: Most program output that is kept, and the longest answer of a query.
MAX_OUTPUT_BYTES: Final = 32 << 20

#: The longest text of a refusal.
MAX_REFUSAL_BYTES: Final = 1 << 20
#: Most tasks of a ready list. The rest waits for the next poll.
MAX_READY_LIST: Final = 8192

_CHANNELS: Final = (3, 4)


def read_text(guest: "Guest", pointer: int, length: int) -> str:
    """A ``&str`` argument.

    Raises:
        MemoryFault: out of range.
        OcallFailure: ``INVALID_ENCODING``.
    """
    try:
        return guest.instance.read(pointer, length).decode()
    except UnicodeDecodeError:
        raise OcallFailure(OcallError.INVALID_ENCODING) from None


def close(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    guest.meter.gas += 200
    guest.table.remove(p0)
    return 0


def poll(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int | bytes:
    guest.meter.gas += 200
    try:
        result = guest.table.get(p1).poll(guest, task, p0)
    except OcallFailure as failure:
        result = ERR | failure.code
    if result != PENDING:
        guest.tasks.release(signed(p0))
    return encode_bytes(result) if isinstance(result, bytes) else result


def poll_read(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    guest.instance.check(p2, p3)  # before a registration exists: no message for what cannot be decoded (1.7)
    guest.meter.gas += 200
    try:
        result = guest.table.get(p1).read(guest, task, p0, p2, p3)
    except OcallFailure as failure:
        result = ERR | failure.code
    if result != PENDING:
        guest.tasks.release(signed(p0))
    return result


def poll_write(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    guest.instance.check(p2, p3)
    guest.meter.gas += 200
    try:
        result = guest.table.get(p1).write(guest, task, p0, p2, p3)
    except OcallFailure as failure:
        result = ERR | failure.code
    if result != PENDING:
        guest.tasks.release(signed(p0))
    return result


def poll_shutdown(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    guest.meter.gas += 200
    try:
        result = guest.table.get(p1).shutdown(guest, task, p0)
    except OcallFailure as failure:
        result = ERR | failure.code
    if result != PENDING:
        guest.tasks.release(signed(p0))
    return result


def poll_res(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    guest.meter.gas += 200
    try:
        result = guest.table.get(p1).resolve(guest, task, p0)
    except OcallFailure as failure:
        result = ERR | failure.code
    if result != PENDING:
        guest.tasks.release(signed(p0))
    return result


def mark_task_ready(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    guest.meter.gas += 200
    guest.tasks.push(signed(p0))
    return 0


def next_ready_task(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    guest.meter.gas += 200
    ready = guest.tasks.ready
    return ready.popleft() & 0xFFFFFFFF if ready else _NOT_FOUND


def enable_ocall_trace(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    if p0 > 1:
        return _INVALID_ENCODING
    guest.meter.gas += 100
    guest.trace = p0 == 1
    return 0


def awake_wakers(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> bytes:
    guest.meter.gas += 500
    wakers = guest.tasks.drain_wakers()
    return encode_compact(len(wakers)) + _little_endian(wakers)


def _little_endian(numbers: "array[int]") -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def drain_wakers(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1000: ids 110 and 112 in one call, for a guest with one task (docs/abi.md).

    p0 points to room for p1 i32s. Empties the ready queue; writes as many waker messages as fit and returns their
    number. The rest stays for the next call.
    """
    guest.instance.check(p0, min(p1, 1 << 20) * 4)
    guest.meter.gas += 500
    tasks = guest.tasks
    tasks.ready.clear()
    wakers = tasks.wakers
    if not wakers:
        return 0
    batch = wakers[: min(p1, 1 << 20)]
    del wakers[: len(batch)]
    count = len(batch)
    guest.instance.write(p0, _little_endian(batch))
    return count


def ready_list(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1008: from now on the host writes the ready tasks to ``[p0, p0+4+4*p1)`` before each poll (docs/abi.md)."""
    if not 1 <= p1 <= MAX_READY_LIST:
        return _INVALID_PARAMETER
    guest.instance.check(p0, 4 + 4 * p1)
    guest.meter.gas += 500
    guest.tasks.use_list(p0, p1)
    return 0


def getrandom(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    guest.instance.check(p0, p1)
    if p1 > MAX_RANDOM_BYTES:
        return _INVALID_PARAMETER
    guest.meter.gas += 10 * p1
    guest.instance.write(p0, os.urandom(p1))
    return 0


def create_timer(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    guest.meter.gas += 500
    return guest.table.add(Timer(signed(p0)))


def reset_timer(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    guest.meter.gas += 300
    resource = guest.table.get(p0)
    if not isinstance(resource, Timer):
        return _INVALID_PARAMETER
    resource.reset(signed(p1))
    return 0


def oneshot_send(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    guest.instance.check(p1, p2)
    guest.meter.gas += 1000 + p2 // 128
    resource = guest.table.get(p0)
    if p2 > MAX_OUTPUT_BYTES:
        return _RESOURCE_LIMITED
    return resource.send(guest.instance.read(p1, p2), error=False)


def oneshot_send_error(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    guest.instance.check(p1, p2)
    if p2 > MAX_REFUSAL_BYTES:
        return _RESOURCE_LIMITED
    text = read_text(guest, p1, p2)
    guest.meter.gas += 1000 + p2 // 128
    return guest.table.get(p0).send(text.encode(), error=True)


def log(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    guest.instance.check(p1, p2)
    if not 1 <= p0 <= 5:
        return _INVALID_ENCODING
    cut = p2 > MAX_LOG_TEXT_BYTES
    data = guest.instance.read(p1, min(p2, MAX_LOG_TEXT_BYTES))
    try:
        text = data.decode(errors="ignore") + "<...>" if cut else data.decode()
    except UnicodeDecodeError:
        return _INVALID_ENCODING
    guest.meter.gas += p2
    guest.services.log(guest, p0, text)
    return 0


def create_channel(guest: "Guest", number: int, known: Container[int]) -> int | bytes:
    """240: an input channel, once for each number that the dialect knows."""
    if number not in known:
        return _INVALID_PARAMETER
    guest.meter.gas += 1000
    if number in guest.channels:
        return ERR | OcallError.ALREADY_EXISTS
    channel = Channel()
    resource = guest.table.add(channel)
    guest.channels[number] = channel
    if guest.on_channel is not None:
        guest.on_channel(number)
    return resource.to_bytes(4, "little")


def create_input_channel(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int | bytes:
    return create_channel(guest, p0, _CHANNELS)


def emit_program_output(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    guest.instance.check(p0, p1)
    guest.meter.gas += p1 // 128
    guest.output = guest.instance.read(p0, min(p1, MAX_OUTPUT_BYTES))
    return 0


def app_address(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> bytes:
    guest.meter.gas += 100
    return guest.services.app_address(guest)


def derive_secret(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int | bytes:
    guest.instance.check(p0, p1)
    guest.meter.gas += 1000 + p1
    if p1 > 256:
        return _INVALID_PARAMETER
    return guest.services.derive_secret(guest, guest.instance.read(p0, p1))


CORE: Final[Handlers] = {
    101: close,
    102: poll,
    103: poll_read,
    104: poll_write,
    105: poll_shutdown,
    106: poll_res,
    109: mark_task_ready,
    110: next_ready_task,
    111: enable_ocall_trace,
    112: awake_wakers,
    113: getrandom,
    201: create_timer,
    202: oneshot_send,
    203: reset_timer,
    204: oneshot_send_error,
    220: log,
    240: create_input_channel,
    242: app_address,
    243: emit_program_output,
    255: derive_secret,
    1000: drain_wakers,
    1008: ready_list,
}

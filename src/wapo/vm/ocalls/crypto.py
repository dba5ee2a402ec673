"""Cryptography (docs/abi.md, 1030 to 1033)."""

import struct
from typing import TYPE_CHECKING, Final

from wapo.abi.results import ERR, PENDING, OcallError, OcallFailure, signed
from wapo.lazy import library
from wapo.vm.crypto.request import Operation, Request
from wapo.vm.ocalls.dispatch import Handlers
from wapo.vm.ocalls.http import write_or_keep
from wapo.vm.resources.crypto import CryptoJob, in_a_thread

if TYPE_CHECKING:
    from wapo.vm.crypto import operations
else:
    operations = library("wapo.vm.crypto.operations")

if TYPE_CHECKING:
    from wapo.engine.suspension import Suspension
    from wapo.vm.guest import Guest

__all__ = ["CRYPTO", "draws_entropy"]

#: Every operation that is not long by itself is done with so much within a millisecond.
_MAX_BYTES_AT_ONCE: Final = 64 << 10
#: Beside the data: keys, labels, salts.
_MAX_HEAD_BYTES: Final = 64 << 10


def _operation(request: Request) -> Operation:
    operation = operations.OPERATIONS.get(request.operation)
    if operation is None:
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
    return operation


def crypto(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1030: performs the request encoded at ``[p0, p0+p1)``; two-way result into ``[p2, p2+p3)``.

    Errors: 3 the key or the data is wrong, 8 no such operation, 10 it takes long (1031), or is beyond a limit.
    """
    guest.instance.check(p0, p1)
    guest.instance.check(p2, p3)
    if p1 > _MAX_BYTES_AT_ONCE:
        raise OcallFailure(OcallError.RESOURCE_LIMITED)
    request = Request.decode(guest.instance.read(p0, p1))
    operation = _operation(request)
    guest.meter.gas += operation.gas + p1 // 16
    if operation.is_long(request):
        raise OcallFailure(OcallError.RESOURCE_LIMITED)
    return write_or_keep(guest, operations.perform(request), p2, p3)


def crypto_start(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1031: the same in a thread, however short; the result is the resource to ask with 1032.

    Errors: 3 malformed, 8 no such operation, 10 too large, table full or too much kept for the guest already.
    """
    return guest.table.add(CryptoJob(guest, _long_request(guest, p0, p1), p1))


def crypto_wait(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> "Suspension":
    """1033: the same as 1031, and the guest stands still until the result is there. Errors as 1030 and 1031."""
    return in_a_thread(guest, _long_request(guest, p0, p1), p1)


def _long_request(guest: "Guest", pointer: int, length: int) -> Request:
    guest.instance.check(pointer, length)
    if (
        length > guest.limits.request_body_bytes + _MAX_HEAD_BYTES
        or guest.held_body_bytes + length > guest.limits.held_body_bytes
    ):
        raise OcallFailure(OcallError.RESOURCE_LIMITED)
    request = Request.decode(guest.instance.read(pointer, length))
    guest.meter.gas += _operation(request).gas + length // 128
    return request


def crypto_result(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1032 (waker p0): what became of resource p1; two-way result into ``[p2, p2+p3)``, or 1030's errors."""
    guest.instance.check(p2, p3)
    guest.meter.gas += 200
    try:
        resource = guest.table.get(p1)
        if not isinstance(resource, CryptoJob):
            raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
        result = resource.poll_result(guest, task, p0)
    except OcallFailure as failure:
        result = ERR | failure.code
    if result != PENDING:
        guest.tasks.release(signed(p0))
    return write_or_keep(guest, result, p2, p3) if isinstance(result, bytes) else result


def draws_entropy(guest: "Guest", pointer: int, length: int) -> bool:
    """Whether the request there has another result each time. An image must not depend on such a one."""
    if length < 4:
        return False
    guest.instance.check(pointer, 4)
    (number,) = struct.unpack("<I", guest.instance.read(pointer, 4))
    operation = operations.OPERATIONS.get(number)
    return operation is not None and operation.draws_entropy


CRYPTO: Final[Handlers] = {1030: crypto, 1031: crypto_start, 1032: crypto_result, 1033: crypto_wait}

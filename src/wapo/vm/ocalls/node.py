"""What a program may ask of the node that it runs on (wapo-abi.md 3.2, ids 244 and 250 to 263).

What reads or writes a disk, or signs much, is done elsewhere than on the event loop's thread: the handler answers with
a suspension, and the guest stands still.
"""

from typing import TYPE_CHECKING, Final

from wapo.abi.results import OcallError, OcallFailure
from wapo.engine.suspension import Suspension
from wapo.scale.primitives import encode_bytes
from wapo.vm.ocalls.core import read_text
from wapo.vm.ocalls.dispatch import Handlers

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["MAX_BOOT_DATA_BYTES", "NODE"]

MAX_SIGNED_BYTES: Final = 8 << 20
MAX_BOOT_DATA_BYTES: Final = 65536
MAX_LOCK_NAME_BYTES: Final = 64
_MAX_BLOB_NAME_BYTES: Final = 256
#: A boot record pays for the secret that it is sealed under: ``derive_secret("enc_bootdata")``.
_BOOT_DATA_GAS: Final = 1012
_MAX_U64: Final = 2**64 - 1
_INVALID: Final = OcallError.INVALID_PARAMETER

Answer = int | bytes | Suspension


def blob_get(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> Answer:
    """244: the content of ``algorithm:hex``, hashed again."""
    guest.instance.check(p0, p1)
    if p1 > _MAX_BLOB_NAME_BYTES:  # no hash is that long, so what it says is not looked at
        guest.meter.gas += 100
        raise OcallFailure(OcallError.IO_ERROR)
    name = read_text(guest, p0, p1)
    guest.meter.gas += 100

    def delivered(content: bytes) -> bytes:
        guest.meter.gas += len(content) // 128
        return encode_bytes(content)

    return guest.services.blob(guest, name).then(delivered)


def _bounded(guest: "Guest", pointer: int, length: int, most: int) -> bytes:
    """Data to be signed: what is refused costs 100 (3.1)."""
    guest.instance.check(pointer, length)
    if length > most:
        guest.meter.gas += 100
        raise OcallFailure(_INVALID)
    guest.meter.gas += 1000 + length
    return guest.instance.read(pointer, length)


def sign(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> Answer:
    """250: the worker's signature over the app's address and the data."""
    data = _bounded(guest, p0, p1, MAX_SIGNED_BYTES)
    return guest.services.sign(guest, data).then(encode_bytes)


def worker_pubkey(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> Answer:
    """251: 32 bytes."""
    guest.meter.gas += 100
    return guest.services.worker_public_key()


def sgx_quote(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> Answer:
    """252: a quote over the app's address and the data, or none."""
    data = _bounded(guest, p0, p1, MAX_SIGNED_BYTES)
    return guest.services.quote(guest, data).then(_option)


def _option(value: bytes | None) -> bytes:
    return b"\x00" if value is None else b"\x01" + encode_bytes(value)


def tip(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> Answer:
    """253: adds to the tip counter. The original mixed the halves up (2.10)."""
    guest.meter.gas += 100
    guest.meter.add_tip(p0 << 32 | p1)
    return 0


def app_gas_consumed(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> Answer:
    """254: the gas of the whole app, and a metrics token."""
    guest.meter.gas += 1000
    gas, token = guest.services.gas_consumed(guest)
    return min(gas, _MAX_U64).to_bytes(8, "little") + token


def read_boot_data(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> Answer:
    """260: the app's record, or none."""

    def delivered(record: bytes | None) -> bytes:
        if record is not None:
            guest.meter.gas += _BOOT_DATA_GAS
        return _option(record)

    return guest.services.read_boot_data(guest).then(delivered)


def write_boot_data(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> Answer:
    """261: replaces the app's record; answered when it is on the disk."""
    guest.instance.check(p0, p1)
    if p1 > MAX_BOOT_DATA_BYTES:
        guest.meter.gas += 100
        raise OcallFailure(_INVALID)
    guest.meter.gas += _BOOT_DATA_GAS
    return guest.services.write_boot_data(guest, guest.instance.read(p0, p1)).then(lambda _none: b"")


def _lock_name(guest: "Guest", pointer: int, length: int) -> str:
    guest.instance.check(pointer, length)
    if length > MAX_LOCK_NAME_BYTES:
        raise OcallFailure(OcallError.CONDITION_ERROR)
    return read_text(guest, pointer, length)


def app_try_lock(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> Answer:
    """262."""
    if not guest.services.try_lock(guest, _lock_name(guest, p0, p1)):
        raise OcallFailure(OcallError.CONDITION_ERROR)
    return 0


def app_unlock(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> Answer:
    """263."""
    if not guest.services.unlock(guest, _lock_name(guest, p0, p1)):
        raise OcallFailure(OcallError.CONDITION_ERROR)
    return 0


NODE: Final[Handlers] = {
    244: blob_get,
    250: sign,
    251: worker_pubkey,
    252: sgx_quote,
    253: tip,
    254: app_gas_consumed,
    260: read_boot_data,
    261: write_boot_data,
    262: app_try_lock,
    263: app_unlock,
}

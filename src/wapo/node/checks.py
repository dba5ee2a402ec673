"""What a machine offers a node, and what state its data are in: one check a thing, for ``wapo doctor``."""

import ctypes
import os
import resource
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from wapo.node.admission import machines_possible
from wapo.node.keys import KEY_FILE
from wapo.node.memory import machine_memory_bytes
from wapo.node.settings import NodeSettings
from wapo.node.software import programs_version
from wapo.trust.attestation.detection import detect

__all__ = ["Check", "State", "data_checks", "machine_checks"]

State = Literal["ok", "warn", "fail"]

_MB: Final = 1 << 20
_FEW_DESCRIPTORS: Final = 65_536
_LITTLE_MEMORY: Final = 512 * _MB
_LITTLE_DISK, _NO_DISK = 1024 * _MB, 64 * _MB
_DEFAULT_MACHINES: Final = 8_900
#: Nothing of this package is older: a clock before it is wrong.
_YEAR: Final = 2026
_UNSYNCHRONISED: Final = 0x40  # STA_UNSYNC of adjtimex(2)


@dataclass(frozen=True)
class Check:
    """One line.

    Attributes:
        advice: what to do about it, a sentence; nothing where all is well.
    """

    name: str
    state: State
    text: str
    advice: str = ""


def machine_checks() -> Iterator[Check]:
    """Of the machine, or the container, that this process is in."""
    yield _descriptors()
    yield _mappings()
    yield _memory()
    yield _clock()
    yield _attestation()
    yield Check("programs", "ok", f"{programs_version()}, as a node of this installation attests it")


def _attestation() -> Check:
    """What a node here would ask to attest it. Whether that is a real TEE, its quotes tell."""
    found = detect()
    for one in found:
        if one.usable:
            text = f"{one.kind}: {one.text}; what its word is worth, 'wapo verify' tells of a node"
            return Check("attestation", "ok", text)
    if found:
        advice = "Let the node's user have it, or start with --attestation none."
        return Check("attestation", "warn", f"none: nothing is attested here, for {found[0].text}", advice)
    return Check("attestation", "ok", "none: nothing is attested here; nothing proves what machine this is")


def _descriptors() -> Check:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = "any number" if hard == resource.RLIM_INFINITY else f"{hard:,}"
    if hard != resource.RLIM_INFINITY and hard < _FEW_DESCRIPTORS:
        advice = "Raise the hard limit: LimitNOFILE=1048576 of systemd, or --ulimit nofile of a container engine."
        return Check("descriptors", "warn", text, advice)
    return Check("descriptors", "ok", text)


def _mappings() -> Check:
    machines = machines_possible()
    text = f"{machines:,} machines at once in a process, as vm.max_map_count allows"
    if machines < _DEFAULT_MACHINES:
        return Check("mappings", "warn", text, "Set vm.max_map_count to 65530 or more with sysctl.")
    return Check("mappings", "ok", text)


def _memory() -> Check:
    size = machine_memory_bytes()
    text = f"{size // _MB:,} MB of the machine, or of its control group"
    if size < _LITTLE_MEMORY:
        return Check("memory", "warn", text, "Give it 512 MB or more: a process takes 256 MB before its first guest.")
    return Check("memory", "ok", text)


def _clock() -> Check:
    now = time.gmtime()
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", now)
    if now.tm_year < _YEAR:
        return Check("clock", "fail", text, "Set the clock: no certificate is valid at this time.")
    if _is_unsynchronised():
        advice = "Where the host does not keep it, run an NTP client: certificates and signed queries have times."
        return Check("clock", "warn", f"{text}, and nobody says that it is kept right", advice)
    return Check("clock", "ok", f"{text}, kept right")


def _is_unsynchronised() -> bool:
    """What the kernel knows (adjtimex(2), which changes nothing where no mode is given)."""
    timex = (ctypes.c_byte * 512)()  # struct timex, with room to spare: modes is first and 0
    state = ctypes.CDLL(None).adjtimex(ctypes.byref(timex))
    if state < 0:
        return False
    status_at = 4 * ctypes.sizeof(ctypes.c_long) + ctypes.sizeof(ctypes.c_long)
    return bool(ctypes.c_int.from_buffer(timex, status_at).value & _UNSYNCHRONISED)


def data_checks(settings: NodeSettings) -> Iterator[Check]:
    """Of a node's directory and its key."""
    path = settings.data_dir
    try:
        found = path.stat()
    except FileNotFoundError:
        yield Check("data", "ok", f"{path} is not there yet")
        return
    except OSError as error:
        yield Check("data", "fail", f"{path}: {error.strerror}", "Run this as the user that the node runs as.")
        return
    yield _private("data", path, found, 0o700, "warn")
    yield _key(path / KEY_FILE)
    yield _disk(path)


def _private(name: str, path: Path, found: os.stat_result, mode: int, otherwise: State = "fail") -> Check:
    if found.st_mode & 0o077:
        others = stat.filemode(found.st_mode)
        return Check(name, otherwise, f"{path} is open to others ({others})", f"Run 'chmod {mode:o} {path}'.")
    return Check(name, "ok", f"{path} is its owner's alone")


def _key(path: Path) -> Check:
    try:
        return _private("key", path, path.stat(), 0o600)
    except FileNotFoundError:
        return Check("key", "ok", f"{path} is made at the first start, or a TEE's key service has it")
    except OSError as error:
        return Check("key", "fail", f"{path}: {error.strerror}", "Run this as the user that the node runs as.")


def _disk(path: Path) -> Check:
    free = shutil.disk_usage(path).free
    text = f"{free // _MB:,} MB free for {path}"
    if free < _NO_DISK:
        return Check("disk", "fail", text, "Make room: what needs the disk is refused with 503 when there is none.")
    if free < _LITTLE_DISK:
        return Check("disk", "warn", text, "Make room, or lower --max-content.")
    return Check("disk", "ok", text)

"""A filter in front of system calls (seccomp(2)), written as the kernel's classic BPF.

It forbids what no node does and lets everything else pass: a list of what is allowed would have to know every version
of every C library. What is forbidden fails with EPERM, and nobody dies of it.

Only calls whose arguments matter load them: for all others the kernel works out once that they pass, and asks the
filter no more (``seccomp_cache_prepare`` in kernel/seccomp.c).
"""

import ctypes
import errno
import os
import socket
import struct
from typing import Final

from wapo.confinement.calls import Machine
from wapo.confinement.libc import system_call

__all__ = ["forbid", "program"]

# linux/bpf_common.h, linux/seccomp.h
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_IF_EQUAL: Final = 0x15
_IF_AT_LEAST: Final = 0x35
_IF_ANY_BIT: Final = 0x45
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_SET_MODE_FILTER: Final = 1
_TSYNC: Final = 1

# struct seccomp_data. Both machines are little-endian, so an argument's low half comes first.
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16

_CLONE_THREAD: Final = 0x00010000
#: What types into a terminal, on behalf of whoever sits there.
_TERMINAL_INPUT: Final = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX

_FORBIDDEN: Final = _ERRNO | errno.EPERM
#: glibc then does without.
_UNKNOWN: Final = _ERRNO | errno.ENOSYS

_Instruction = tuple[int, int, int, int]


def _then(code: int, value: int = 0, yes: int = 0, no: int = 0) -> _Instruction:
    return code, yes, no, value


def _argument(index: int) -> _Instruction:
    return _then(_LOAD, _ARGUMENTS + 8 * index)


def _unless_one_of(index: int, values: tuple[int, ...]) -> list[_Instruction]:
    """Passes if the argument is one of those; it is an int, whose upper half the kernel does not look at."""
    tests = [_then(_IF_EQUAL, value, len(values) - at) for at, value in enumerate(values)]
    return [_argument(index), *tests, _then(_RETURN, _FORBIDDEN), _then(_RETURN, _ALLOW)]


def _sockets() -> list[_Instruction]:
    """TCP and UDP, and asking for the machine's own addresses, as getaddrinfo() does. No path or abstract name of other
    programs (AF_UNIX: a container engine's is as good as root), no raw packets, none of the other forty families."""
    inet = _unless_one_of(2, (0, socket.IPPROTO_TCP, socket.IPPROTO_UDP))
    routes = _unless_one_of(2, (0,))  # NETLINK_ROUTE
    return [
        _argument(0),
        _then(_IF_EQUAL, socket.AF_INET, 3),
        _then(_IF_EQUAL, socket.AF_INET6, 2),
        _then(_IF_EQUAL, socket.AF_NETLINK, 1 + len(inet)),
        _then(_RETURN, _FORBIDDEN),
        *inet,
        *routes,
    ]


def _parts(machine: Machine, pid: int, *, glibc: bool) -> list[tuple[str, list[_Instruction]]]:
    """What becomes of calls that depend on arguments; each part ends in a verdict."""
    own = _unless_one_of(0, (pid,))
    return [
        ("ioctl", [
            _argument(1),
            *(_then(_IF_EQUAL, value, len(_TERMINAL_INPUT) - at) for at, value in enumerate(_TERMINAL_INPUT)),
            _then(_RETURN, _ALLOW),
            _then(_RETURN, _FORBIDDEN),
        ]),
        ("socket", _sockets()),
        # Threads, but no processes. The flags of clone3 are in memory, where a filter cannot look.
        ("clone", [
            _argument(0), _then(_IF_ANY_BIT, _CLONE_THREAD, 1), _then(_RETURN, _FORBIDDEN), _then(_RETURN, _ALLOW),
        ]),
        ("clone3", [_then(_RETURN, _UNKNOWN)]),
        ("kill", own),
        ("tgkill", own),
        # Names a thread, of any process. musl has no other way to raise().
        *([("tkill", [_then(_RETURN, _FORBIDDEN)])] if glibc else []),
        ("rt_sigqueueinfo", own),
        ("rt_tgsigqueueinfo", own),
        ("prlimit64", _unless_one_of(0, (0, pid))),
    ]  # fmt: skip


def program(machine: Machine, pid: int, *, glibc: bool = True) -> bytes:
    """The filter for a process: ``struct sock_filter``, one after the other."""
    code = [
        _then(_LOAD, _ARCH),
        _then(_IF_EQUAL, machine.audit, 1),
        _then(_RETURN, _FORBIDDEN),  # a 32-bit call on a 64-bit machine: other numbers, other holes
        _then(_LOAD, _NUMBER),
    ]
    if machine.foreign_from is not None:
        code += [_then(_IF_AT_LEAST, machine.foreign_from, 0, 1), _then(_RETURN, _FORBIDDEN)]
    for name, part in _parts(machine, pid, glibc=glibc):
        code += [_then(_IF_EQUAL, machine.arguments[name], 0, len(part)), *part]
    for number in machine.forbidden.values():
        code += [_then(_IF_EQUAL, number, 0, 1), _then(_RETURN, _FORBIDDEN)]
    code.append(_then(_RETURN, _ALLOW))
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in code)


def _is_glibc() -> bool:
    try:
        return bool(os.confstr("CS_GNU_LIBC_VERSION"))
    except (ValueError, OSError):
        return False


def forbid(machine: Machine) -> None:
    """Puts the filter in front of every thread of this process, and of those to come. Wants ``no_new_privs``.

    Raises:
        OSError: the kernel has no filters, or does not want this one.
    """
    code = program(machine, os.getpid(), glibc=_is_glibc())
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer)))
    thread = system_call(machine.arguments["seccomp"], _SET_MODE_FILTER, _TSYNC, ctypes.addressof(header))
    if thread:
        raise OSError(errno.EBUSY, f"thread {thread} has another filter")

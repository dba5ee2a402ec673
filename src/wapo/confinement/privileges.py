"""What a process may because of who it is: its user, its capabilities, its limits."""

import ctypes
import grp
import os
import pwd
import resource
import struct
from collections.abc import Collection
from pathlib import Path
from typing import Final

from wapo.confinement.libc import prctl, system_call
from wapo.errors import CallerError

__all__ = [
    "CAP_NET_BIND_SERVICE", "UnusableUser", "become", "capabilities", "close_to_others", "drop_capabilities",
    "forbid_new_privileges", "lower_limits", "user_named",
]  # fmt: skip

CAP_NET_BIND_SERVICE: Final = 10

# linux/prctl.h, linux/capability.h
_SET_DUMPABLE, _SET_KEEPCAPS, _CAPBSET_DROP, _SET_NO_NEW_PRIVS, _CAP_AMBIENT = 4, 8, 24, 38, 47
_AMBIENT_RAISE, _AMBIENT_CLEAR_ALL = 2, 4
_CAPABILITIES_V3: Final = 0x20080522
_CAPSET: Final = {"x86_64": 126, "aarch64": 91}

_LAST_CAPABILITY: Final = Path("/proc/sys/kernel/cap_last_cap")


class UnusableUser(CallerError):
    """A node cannot run as that user."""

    code = "unusable_user"


def user_named(name: str) -> pwd.struct_passwd:
    """A user to run as.

    Raises:
        UnusableUser: there is none of that name, it is root, or this process may not become it.
    """
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise UnusableUser(f"there is no user {name!r} on this machine") from None
    if user.pw_uid == 0:
        raise UnusableUser(f"{name} is root, whom --user is to get away from")
    if os.geteuid() not in (0, user.pw_uid):
        raise UnusableUser(f"only root can become {name}; this process is {user_name(os.geteuid())}")
    return user


def user_name(uid: int) -> str:
    """A user's name, or number."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def become(user: pwd.struct_passwd, keep: Collection[int] = ()) -> None:
    """Makes this process, and those that it starts, the user's; there is no way back. Nothing if it is already.

    Args:
        keep: capabilities that are to be kept.

    Raises:
        OSError: the kernel refuses.
    """
    if os.geteuid() == user.pw_uid:
        return
    groups = [group.gr_gid for group in grp.getgrall() if user.pw_name in group.gr_mem]
    os.setgroups([user.pw_gid, *groups])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    if keep:
        prctl(_SET_KEEPCAPS, 1)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    if keep:
        _set_capabilities(keep, inheritable=True)
        for number in keep:
            prctl(_CAP_AMBIENT, _AMBIENT_RAISE, number)


def forbid_new_privileges() -> None:
    """No program that this process starts gets more than it has, set-user-ID or not.

    Raises:
        OSError: the kernel is older than Linux 3.5.
    """
    prctl(_SET_NO_NEW_PRIVS, 1)


def drop_capabilities(keep: Collection[int] = ()) -> None:
    """Gives up all capabilities but those, of the calling thread and of threads that it starts.

    Raises:
        OSError: the kernel refuses.
    """
    prctl(_CAP_AMBIENT, _AMBIENT_CLEAR_ALL)
    for number in range(int(_LAST_CAPABILITY.read_text()) + 1):
        if number not in keep:
            try:
                prctl(_CAPBSET_DROP, number)
            except PermissionError:  # not for who has none: nothing that it runs can have one then
                break
    _set_capabilities(keep, inheritable=False)


def _set_capabilities(numbers: Collection[int], *, inheritable: bool) -> None:
    held = sum(1 << number for number in numbers) & capabilities("CapPrm")
    passed_on = held if inheritable else 0
    header = ctypes.create_string_buffer(struct.pack("<Ii", _CAPABILITIES_V3, 0))
    low, high = ((held >> shift) & 0xFFFFFFFF for shift in (0, 32))
    data = ctypes.create_string_buffer(
        struct.pack("<6I", low, low, passed_on & 0xFFFFFFFF, high, high, passed_on >> 32)
    )
    system_call(_CAPSET[os.uname().machine], ctypes.addressof(header), ctypes.addressof(data))


def capabilities(which: str, status: Path = Path("/proc/thread-self/status")) -> int:
    """A set of capabilities of a thread: ``CapEff``, ``CapPrm``, ``CapBnd``, ... of proc(5).

    Raises:
        OSError: there is no such thread.
    """
    for line in status.read_text().splitlines():
        if line.startswith(f"{which}:"):
            return int(line.split()[1], 16)
    raise OSError(f"{status} says nothing of {which}")


def lower_limits() -> None:
    """No core dumps, which would be full of secrets; no more descriptors than now; files for the owner alone."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, soft))
    os.umask(0o077)


def close_to_others() -> None:
    """Other processes of the same user cannot look into this one's memory or descriptors.

    Raises:
        OSError: the kernel refuses.
    """
    prctl(_SET_DUMPABLE, 0)

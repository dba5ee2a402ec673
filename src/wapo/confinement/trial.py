"""Ways out of a process, tried: what a wall is worth is seen from inside."""

import ctypes
import errno
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from wapo.confinement.calls import machine
from wapo.confinement.libc import prctl, system_call

__all__ = ["ATTEMPTS", "open_ways", "refused"]

#: Refused for want of a right; or there is nothing here that could be reached.
_REFUSED: Final = {errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOENT}
_PROGRAM: Final = "/bin/true"


def _call(name: str, *arguments: int) -> None:
    here = machine()
    if here is None:
        raise OSError(errno.ENOSYS, f"the number of {name} is not known")
    system_call({**here.forbidden, **here.arguments}[name], *arguments)


def _supervisor_memory() -> None:
    with Path(f"/proc/{os.getppid()}/mem").open("rb") as file:
        file.read(1)


def _supervisor_environment() -> None:
    Path(f"/proc/{os.getppid()}/environ").read_bytes()


def _passwords() -> None:
    Path("/etc/shadow").read_bytes()


def _root_directory() -> None:
    next(Path("/").iterdir())


def _write_outside() -> None:
    # O_TMPFILE: a file that nobody ever sees, and that is gone with its descriptor.
    os.close(os.open("/tmp", os.O_TMPFILE | os.O_WRONLY, 0o600))


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _another_process() -> None:
    os.kill(os.getppid(), 0)


def _socket(family: int, kind: int, protocol: int) -> None:
    socket.socket(family, kind, protocol).close()


def _listen() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))


def _more_descriptors() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard + 1, hard + 1))


def _type_into_terminal() -> None:
    _call("ioctl", 0, 0x5412, ctypes.addressof(ctypes.create_string_buffer(b"\n")))


def _raise_capability() -> None:
    prctl(47, 2, 21)  # PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN


_FRESH_NAMESPACE: Final = 0x10000000 | signal.SIGCHLD  # CLONE_NEWUSER

#: What a wall is to stop, by name. Each raises OSError where it does not work.
ATTEMPTS: Final[dict[str, Callable[[], None]]] = {
    "start a program": lambda: os.execv(_PROGRAM, [_PROGRAM]),
    "start a process": _fork,
    "make a user namespace": lambda: _call("unshare", 0x10000000),
    "make a process in a user namespace": lambda: _call("clone", _FRESH_NAMESPACE, 0, 0, 0, 0),
    "read passwords": _passwords,
    "list the root directory": _root_directory,
    "write elsewhere": _write_outside,
    "debug another process": lambda: _call("ptrace", 0x4206, os.getppid(), 0, 0),
    "read another process's memory": _supervisor_memory,
    "read another process's environment": _supervisor_environment,
    "read another process's memory by call": lambda: _call("process_vm_readv", os.getppid(), 0, 0, 0, 0, 0),
    "signal another process": _another_process,
    "change another process's limits": lambda: _call("prlimit64", os.getppid(), 7, 0, 0),
    "talk to a local service": lambda: _socket(socket.AF_UNIX, socket.SOCK_STREAM, 0),
    "send raw packets": lambda: _socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    "see raw packets": lambda: _socket(socket.AF_PACKET, socket.SOCK_RAW, 0),
    "use the kernel's ciphers": lambda: _socket(38, socket.SOCK_SEQPACKET, 0),  # AF_ALG
    "listen on a port": _listen,
    "mount": lambda: _call("mount", 0, 0, 0, 0, 0),
    "load a program into the kernel": lambda: _call("bpf", 0, 0, 0),
    "load a module": lambda: _call("finit_module", -1, 0, 0),
    "use io_uring": lambda: _call("io_uring_setup", 1, 0),
    "handle page faults": lambda: _call("userfaultfd", 0),
    "watch the processor": lambda: _call("perf_event_open", 0, 0, -1, -1, 0),
    "read the keyring": lambda: _call("keyctl", 0, -3, 0),
    "share memory": lambda: _call("shmget", 0, 4096, 0o1600),
    "set the clock": lambda: _call("clock_settime", 0, 0),
    "type into the terminal": _type_into_terminal,
    "get a capability": _raise_capability,
    "get more descriptors": _more_descriptors,
}


def open_ways(*, another_thread: bool = True) -> list[str]:
    """The attempts that are not refused for want of a right. To be called behind a wall: where there is none, programs
    start.

    Args:
        another_thread: try each in a thread of its own, too.
    """
    found = [name for name, attempt in ATTEMPTS.items() if not refused(attempt)]
    if another_thread:
        seen: list[str] = []
        thread = threading.Thread(target=lambda: seen.extend(open_ways(another_thread=False)))
        thread.start()
        thread.join()
        found += [f"{name}, in another thread" for name in seen]
    return found


def refused(attempt: Callable[[], None]) -> bool:
    """Whether an attempt ends for want of a right."""
    try:
        attempt()
    except OSError as error:
        return error.errno in _REFUSED
    except ValueError:  # resource.setrlimit's word for EPERM
        return True
    return False

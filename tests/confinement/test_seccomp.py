"""The filter of system calls, run as the kernel runs it: on any machine, for each that there is a filter for."""

import errno
import struct

import pytest

from wapo.confinement.calls import Machine, machine
from wapo.confinement.seccomp import program

PID = 4711
ALLOWED = 0x7FFF0000
FORBIDDEN = 0x00050000 | errno.EPERM
UNKNOWN = 0x00050000 | errno.ENOSYS
CLONE_OF_A_THREAD = 0x3D0F00
READ = {"x86_64": 0, "aarch64": 63}
MACHINES = [found for name in ("x86_64", "aarch64") if (found := machine(name)) is not None]


def verdict(code: bytes, number: int, arch: int, *arguments: int) -> int:
    """What classic BPF says (Documentation/networking/filter.rst), as far as this filter uses it."""
    padded = [value & (1 << 64) - 1 for value in (*arguments, 0, 0, 0, 0, 0, 0)[:6]]
    data = struct.pack("<IIQ6Q", number, arch, 0, *padded)
    accumulator = at = 0
    while True:
        operation, yes, no, value = struct.unpack_from("<HBBI", code, at * 8)
        at += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, value)
        elif operation == 0x06:
            return value
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[operation]
            at += yes if holds else no


@pytest.fixture(params=MACHINES, ids=lambda found: found.name)
def here(request: pytest.FixtureRequest) -> Machine:
    found: Machine = request.param
    return found


def says(here: Machine, name: str, *arguments: int, glibc: bool = True) -> int:
    number = (here.forbidden | here.arguments | {"read": READ[here.name]})[name]
    return verdict(program(here, PID, glibc=glibc), number, here.audit, *arguments)


def test_the_usual_passes(here: Machine) -> None:
    assert says(here, "read") == ALLOWED


def test_what_no_node_does_is_forbidden(here: Machine) -> None:
    assert {name for name in here.forbidden if says(here, name) != FORBIDDEN} == set()


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("socket", (2, 1, 0), ALLOWED),  # TCP
        ("socket", (10, 0x80802, 17), ALLOWED),  # UDP, non-blocking
        ("socket", (2, 1, 262), FORBIDDEN),  # MPTCP, for which no port is closed
        ("socket", (2, 3, 1), FORBIDDEN),  # raw ICMP
        ("socket", (16, 3, 0), ALLOWED),  # the machine's addresses, for getaddrinfo()
        ("socket", (16, 3, 9), FORBIDDEN),  # the audit
        ("socket", (1, 1, 0), FORBIDDEN),  # a path
        ("socket", (17, 3, 0), FORBIDDEN),  # packets
        ("socket", (38, 5, 0), FORBIDDEN),  # ciphers
        ("socket", (0xF_0000_0001, 1, 0), FORBIDDEN),  # the upper half is not looked at by the kernel
        ("clone", (CLONE_OF_A_THREAD,), ALLOWED),
        ("clone", (17,), FORBIDDEN),  # fork()
        ("clone", (0x10000000 | 17,), FORBIDDEN),  # in a user namespace
        ("clone3", (), UNKNOWN),
        ("kill", (PID, 15), ALLOWED),
        ("kill", (1, 9), FORBIDDEN),
        ("kill", (-1, 9), FORBIDDEN),
        ("kill", (0, 9), FORBIDDEN),
        ("tgkill", (PID, PID, 6), ALLOWED),
        ("tgkill", (1, 1, 6), FORBIDDEN),
        ("tkill", (PID, 6), FORBIDDEN),
        ("prlimit64", (0, 7), ALLOWED),
        ("prlimit64", (PID, 7), ALLOWED),
        ("prlimit64", (1, 7), FORBIDDEN),
        ("ioctl", (0, 0x5401), ALLOWED),  # is it a terminal?
        ("ioctl", (3, 0xC0606610), ALLOWED),  # PAGEMAP_SCAN
        ("ioctl", (0, 0x5412), FORBIDDEN),  # TIOCSTI
        ("ioctl", (0, 0x1_0000_5412), FORBIDDEN),
        ("ioctl", (0, 0x541C), FORBIDDEN),  # TIOCLINUX
    ],
)
def test_arguments_decide(here: Machine, name: str, arguments: tuple[int, ...], expected: int) -> None:
    assert says(here, name, *arguments) == expected


def test_musl_raises_signals_with_a_call_that_glibc_does_without(here: Machine) -> None:
    assert says(here, "tkill", PID, 6, glibc=False) == ALLOWED


def test_calls_of_other_interfaces_are_forbidden() -> None:
    """execve() has other numbers there."""
    here = machine("x86_64")
    assert here is not None
    code = program(here, PID)
    assert verdict(code, 11, 0x40000003) == FORBIDDEN  # i386
    assert verdict(code, 0x40000000 | 520, here.audit) == FORBIDDEN  # x32

"""The numbers of system calls are the kernel's."""

import re
from pathlib import Path

import pytest
import ziglang

from wapo.confinement.calls import ARGUMENTS, FORBIDDEN, machine

HEADERS = Path(ziglang.__file__).parent / "lib" / "libc" / "include"
FOLDERS = {"x86_64": "x86-linux-any", "aarch64": "aarch64-linux-any"}

#: Calls of old kernels, which newer headers leave out.
GONE = {"aarch64": {"nfsservctl", "lookup_dcookie"}, "x86_64": set()}


def numbers(name: str) -> dict[str, int]:
    text = (HEADERS / FOLDERS[name] / "asm" / "unistd_64.h").read_text()
    return {call: int(number) for call, number in re.findall(r"#define __NR_(\w+)\s+(\d+)", text)}


@pytest.mark.parametrize("name", FOLDERS)
def test_numbers_are_those_of_the_kernels_headers(name: str) -> None:
    """A wrong number would forbid something else, and leave open what it is for."""
    here = machine(name)
    assert here is not None
    known = numbers(name)
    ours = here.forbidden | here.arguments
    assert {call: number for call, number in ours.items() if known.get(call) != number} == {
        call: ours[call] for call in GONE[name] & ours.keys() if call not in known
    }


@pytest.mark.parametrize(("column", "name"), list(enumerate(FOLDERS)))
def test_what_a_machine_has_not_it_really_has_not(column: int, name: str) -> None:
    known = numbers(name)
    assert [call for call, columns in FORBIDDEN.items() if columns[column] is None and call in known] == []


def test_a_call_is_forbidden_always_or_sometimes() -> None:
    assert FORBIDDEN.keys() & ARGUMENTS.keys() == set()


def test_other_processors_have_no_filter() -> None:
    assert machine("riscv64") is None

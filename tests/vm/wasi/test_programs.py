"""Ordinary C programs, compiled for WASI with an ordinary libc."""

import asyncio
import os
from pathlib import Path

import pytest

from tests.vm.wasi.conftest import Run
from wapo.vm.ends import EndReason
from wapo.vm.wasi import BytesInput, DescriptorInput, Grant, WasiSettings, opened


async def test_files(run: Run, given: WasiSettings, granted: Path) -> None:
    """Everything that a libc does to files and directories; and the host sees it."""
    ran = await run("files", wasi=given)
    assert (ran.out, ran.end.reason) == (["done"], EndReason.EXITED)
    assert (granted / "to" / "notes").read_text() == "first\nsecond 2\nthird\n"
    assert sorted(p.name for p in granted.iterdir()) == ["big", "log", "numbers", "to"]


async def test_a_read_only_grant(run: Run, granted: Path, tmp_path: Path) -> None:
    """It stays so, whatever is tried, and nothing in it changes."""
    (granted / "file").write_text("text")
    (granted / "dir").mkdir()
    (granted / "dir" / "inner").write_text("")
    (granted / "link").symlink_to("file")
    more = tmp_path / "more"
    more.mkdir()
    (more / "own").write_text("own")
    before = {p: p.lstat() for p in granted.rglob("*")}
    with opened([Grant(granted, "/data", writable=False), Grant(more, "/more")]) as directories:
        ran = await run("readonly", wasi=WasiSettings(directories))
    assert ran.out == ["done"]
    after = {p: p.lstat() for p in granted.rglob("*")}
    assert {p: (s.st_ino, s.st_size, s.st_mtime_ns, s.st_nlink) for p, s in before.items()} == {
        p: (s.st_ino, s.st_size, s.st_mtime_ns, s.st_nlink) for p, s in after.items()
    }
    assert (granted / "file").read_text() == "text"
    assert [p.name for p in more.iterdir()] == ["own"]


async def test_clocks_and_waiting(run: Run) -> None:
    reading, writing = os.pipe()
    try:
        ran = await run("clocks", wasi=WasiSettings(stdin=DescriptorInput(reading)))
    finally:
        os.close(reading)
        os.close(writing)
    assert ran.out == ["done"]


async def test_without_settings_a_program_has_no_input_and_no_environment(run: Run) -> None:
    ran = await run("echo")
    assert ran.out == ["env (none)", "terminals 1 1 1"]
    assert ran.err == ["end of input"]


async def test_arguments_environment_and_input_are_the_ones_given(run: Run) -> None:
    settings = WasiSettings(stdin=BytesInput(b"one\ntwo\n"))
    ran = await run("echo", args=("program", "ä b", "\udcff"), env=(("GREETING", "hé"),), wasi=settings)
    assert ran.out == ["arg program", "arg ä b", "arg \ufffd", "env hé", "terminals 1 1 1", "in one", "in two"]


@pytest.mark.parametrize("kind", ["file", "pipe", "null"])
async def test_input_from_the_host(run: Run, tmp_path: Path, kind: str) -> None:
    """Whatever standard input may be; a pipe is written while the program waits for it."""
    if kind == "pipe":
        reading, writing = os.pipe()

        def write(data: bytes) -> None:
            os.write(writing, data)

        loop = asyncio.get_running_loop()
        loop.call_later(0.05, write, b"on")
        loop.call_later(0.1, write, b"e\ntwo\n")
        loop.call_later(0.15, os.close, writing)
    else:
        path = tmp_path / "input"
        path.write_bytes(b"one\ntwo\n")
        reading = os.open(path if kind == "file" else "/dev/null", os.O_RDONLY)
    try:
        ran = await run("echo", wasi=WasiSettings(stdin=DescriptorInput(reading)))
    finally:
        os.close(reading)
    assert [line for line in ran.out if line.startswith("in")] == ([] if kind == "null" else ["in one", "in two"])
    assert ran.err == ["end of input"]

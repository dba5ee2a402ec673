"""The command line as a user has it: what is typed, and what comes back."""

import io
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec

from wapo.cli.main import run


@dataclass
class Result:
    """What a command left."""

    code: int
    raw: bytes
    err: str

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def json(self) -> dict:  # type: ignore[type-arg]
        """The one JSON value on stdout."""
        value: dict = msgspec.json.decode(self.raw)  # type: ignore[type-arg]
        assert self.out.count("\n") == 1
        return value

    @property
    def error(self) -> str:
        """The one sentence that says what is wrong. Nothing else is printed, but for a pointer to the help."""
        first, *rest = self.err.splitlines()
        assert self.raw == b""
        assert first.startswith("error: ")
        assert all(line.startswith("See 'wapo") for line in rest), self.err
        return first.removeprefix("error: ")


def wapo(*arguments: str | Path, stdin: bytes = b"") -> Result:
    """Runs a command in this process."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    typed = io.TextIOWrapper(io.BytesIO(stdin))
    with redirect_stdout(out), redirect_stderr(err), patch("sys.stdin", typed):
        code = run([str(argument) for argument in arguments])
    out.flush()
    err.flush()
    return Result(code, out.buffer.getvalue(), err.buffer.getvalue().decode())  # type: ignore[attr-defined]


def wapo_process(*arguments: str | Path, **options: object) -> Result:
    """Runs a command in a process of its own: for what belongs to the process, such as signals and sockets."""
    command = [sys.executable, "-m", "wapo", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, **options)  # type: ignore[call-overload]
    return Result(done.returncode, done.stdout, done.stderr.decode())


class Running:
    """A command that goes on; its lines, from either stream, as they come."""

    def __init__(self, arguments: Sequence[str | Path], **options: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "wapo", *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, **options,
        )  # fmt: skip
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(stream,)) for stream in (self.process.stdout, self.process.stderr)
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: io.TextIOBase) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, part: str) -> str:
        """The first line with that part, as soon as it is there."""
        with self._changed:
            found = self._changed.wait_for(lambda: [line for line in self.lines if part in line], 30)
            assert found, f"no {part!r} in {self.lines}"
            return found[0]

    def stop(self, number: int) -> int:
        """Sends a signal and waits for the end; the exit code."""
        self.process.send_signal(number)
        return self.end()

    def end(self) -> int:
        code = self.process.wait(30)
        for reader in self._readers:
            reader.join(30)
        return code


@contextmanager
def running(*arguments: str | Path, **options: Any) -> Iterator[Running]:
    """A command in the background, killed at the end if it still runs. Options are ``Popen``'s."""
    command = Running(arguments, **options)
    try:
        yield command
    finally:
        command.process.kill()
        command.end()

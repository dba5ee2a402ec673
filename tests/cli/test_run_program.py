"""``wapo run`` with WebAssembly programs: what they are given, and how they end."""

import hashlib
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.support import Result, running, wapo, wapo_process
from tests.programs import compile_program


@pytest.fixture
def command(folder: Path) -> str:
    """A plain WASI command."""
    (folder / "command.wasm").write_bytes(compile_program("command", command=True))
    return "command.wasm"


@pytest.fixture
def program(folder: Path) -> str:
    """A program with a poll function."""
    (folder / "program.wasm").write_bytes(compile_program("foreground"))
    return "program.wasm"


def run(*arguments: str | Path, stdin: bytes = b"") -> Result:
    return wapo_process("run", *arguments, input=stdin)


def test_arguments_and_environment_are_those_given(command: str, folder: Path) -> None:
    (folder / "text").write_text("from\na file")
    result = run(f"./{command}", "-e", "A=1", "-e", "B=x=y", "args", "@text", "--", "--flag")
    assert (result.code, result.err) == (0, "")
    assert result.out == f"./{command}\nargs\nfrom\na file\n--flag\nA=1\nB=x=y\n"


@pytest.mark.parametrize("code", [0, 1, 42, 125])
def test_the_exit_code_is_the_programs(command: str, code: int) -> None:
    assert run(command, "exit", str(code)).code == code


def test_stdout_and_stderr_are_passed_on_byte_by_byte(command: str) -> None:
    result = run(command, "bytes")
    assert (result.code, result.raw, result.err) == (0, b"\xff\0partial", "complaint")


def test_stdin_is_the_programs(command: str) -> None:
    data = bytes(range(256)) * 1000
    assert run(command, "copy", stdin=data).raw == data
    assert run(command, "copy").raw == b""


def test_a_module_from_stdin_leaves_no_stdin(command: str, folder: Path) -> None:
    result = run("-", "copy", stdin=(folder / command).read_bytes())
    assert (result.code, result.raw) == (0, b"")


def test_much_output_goes_through_a_pipe_that_is_read_slowly(command: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "wapo", "run", command, "many", "50000"],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    digest = hashlib.sha256()
    while chunk := process.stdout.read(1000):
        digest.update(chunk)
    process.stdout.close()
    assert process.wait(30) == 0
    assert digest.hexdigest() == hashlib.sha256(b"0123456789012345678\n" * 50000).hexdigest()


def test_a_reader_that_goes_away_ends_the_program(command: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "wapo", "run", command, "yes"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.read(4) == b"y\ny\n"
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) == 141


def test_only_given_directories_can_be_used(command: str, folder: Path) -> None:
    data = folder / "data"
    data.mkdir()
    (data / "in").write_text("content")
    denied = run(command, "show", "data/in")
    assert (denied.code, denied.raw) == (4, b"")
    assert run(command, "--dir", "data", "show", "data/in").out == "content"
    assert run(command, "--dir", f"{data}::/there", "show", "/there/in").out == "content"
    assert run(command, "--dir", "data::/there", "show", "/there/../command.wasm").code == 4
    assert run(command, "--dir", "data", "put", "data/out", "new").code == 0
    assert (data / "out").read_text() == "new"


def test_a_directory_may_be_for_reading_only(command: str, folder: Path) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "in").write_text("content")
    assert run(command, "--dir", "data:ro", "show", "data/in").out == "content"
    result = run(command, "--dir", "data::/x:ro", "put", "/x/out", "new")
    assert result.code == 5
    assert "Read-only file system" in result.err
    assert [path.name for path in (folder / "data").iterdir()] == ["in"]


def test_a_trap_is_told(command: str) -> None:
    result = run(command, "abort")
    assert (result.code, result.raw) == (1, b"")
    assert result.err.startswith("error: Trap: ")
    assert "unreachable" in result.err


@pytest.mark.parametrize(
    ("option", "text"),
    [("--max-burst=100ms", "BurstLimit: more than 0.1 s of CPU"), ("--max-time=100ms", "the time limit of 0.1 s")],
)
def test_limits_hold(command: str, option: str, text: str) -> None:
    result = run(command, option, "spin")
    assert result.code == 1
    assert text in result.error


def test_an_interrupt_ends_it(program: str) -> None:
    with running("run", program, "-l", "0", "127.0.0.1:0") as command:
        command.wait_for("listening on port")
        assert command.stop(signal.SIGINT) == 130


def test_a_program_emits_its_result(program: str) -> None:
    result = run(program, "emit")
    assert (result.code, result.raw, result.err) == (0, b"\0result", "")


def test_a_program_logs_to_stderr(program: str) -> None:
    result = run(program, "log")
    assert (result.code, result.raw, result.err) == (0, b"", "a line\n")


def test_a_poll_function_that_answers_nonsense_is_a_trap(program: str) -> None:
    result = run(program, "seven")
    assert result.code == 1
    assert "returned 7" in result.error


def test_a_program_listens_on_a_port_that_is_given(program: str) -> None:
    with running("run", program, "-l", "0", "127.0.0.1:0") as command:
        port = int(command.wait_for("listening on port").rpartition(" ")[2])
        with socket.create_connection(("127.0.0.1", port)) as client:
            assert client.makefile().read() == "hello\n"
        assert command.end() == 0


@pytest.mark.parametrize("given", [(), ("-l", "none"), ("-l", "1..2"), ("--listen", "3")])
def test_a_program_listens_on_no_other_port(program: str, given: tuple[str, ...]) -> None:
    result = run(program, *given, "127.0.0.1:40000")
    assert (result.code, result.raw) == (0, b"")
    assert result.err == ("warn: cannot listen on 127.0.0.1:40000: the port is not open to programs\nlisten: 17\n")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--dir", "nothing"), 1, "nothing cannot be given to the program: No such file or directory"),
        (("--dir", "command.wasm"), 1, "command.wasm cannot be given to the program: Not a directory"),
        (("@nothing",), 2, "@nothing: 'nothing' cannot be read: No such file or directory"),
        (("@command.wasm",), 2, "@command.wasm: 'command.wasm' is not text in UTF-8"),
        (("-e", "A"), 2, "'A' is not NAME=VALUE"),
        (("--ca-file", "nothing"), 1, "nothing"),
    ],
)
def test_what_cannot_be_given(command: str, arguments: tuple[str, ...], code: int, sentence: str) -> None:
    result = wapo("run", command, *arguments)
    assert result.code == code
    assert sentence in result.error


def test_a_script_has_no_directories(folder: Path) -> None:
    (folder / "script.js").write_text("1")
    result = wapo("run", "script.js", "--dir", ".")
    assert result.code == 2
    assert "is for WebAssembly programs, and this is a script" in result.error


def test_a_script_may_listen(folder: Path) -> None:
    """On the ports that it is given, and on no others."""
    (folder / "script.js").write_text("""
      const listen = () => Wapo.httpsListen({ address: '127.0.0.1:0' }, () => 0);
      module = { exports: () => { try { Wapo.close(listen()); return 'listened' } catch (error) { return error.message } } }""")
    refused = wapo("run", "script.js")
    assert refused.out == "failed to listen on 127.0.0.1:0: this is forbidden here\n"
    given = wapo("run", "script.js", "--listen", "0")
    assert given.out == "listened\n"
    assert "listening on port" in given.err


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        (
            b"\0asm\1\0\0\0",
            "the module exports neither wapo_poll nor sidevm_poll, a function () -> i32, and no _start either",
        ),
        (b"\0asm\1\0\0\0\1", "the WebAssembly module is invalid: unexpected end-of-file (at offset 0x9)"),
        (b"\0asm\x0d\0\1\0", "the WebAssembly module is invalid: expected a WebAssembly module but was given a"),
    ],
)
def test_what_is_no_program(folder: Path, module: bytes, sentence: str) -> None:
    (folder / "a.wasm").write_bytes(module)
    result = wapo("run", "a.wasm")
    assert result.code == 1
    assert sentence in result.error

"""``wapo run``: a script or a WebAssembly program in the foreground."""

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from wapo.cli.bundle import bundled, is_typescript
from wapo.cli.main import checked, run_async
from wapo.cli.options import MaxBurst, MaxMemory, MaxTime, limits_of
from wapo.cli.run_program import ProgramOptions, grant_of, run_program_file
from wapo.cli.run_script import run_script_file
from wapo.cli.values import port_range
from wapo.errors import CallerError
from wapo.vm.egress import EgressPolicy
from wapo.vm.net.network import NetworkSettings

__all__ = ["run"]

_STDIN: Final = "-"
_UNLIMITED: Final = float("inf")
_MAGIC: Final = b"\0asm"
_PROGRAM_MEMORY: Final = 4 << 30
_PANEL: Final = "WebAssembly programs"


class CannotRun(CallerError):
    """The file or an option cannot be used."""

    code = "cannot_run"


def run(
    file: Annotated[
        str,
        typer.Argument(
            help="A JavaScript or TypeScript file, or a WebAssembly module; - reads stdin.",
            metavar="FILE",
            show_default=False,
        ),
    ],
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            help="Its arguments. Write -- before those that begin with a dash. For @FILE, a WebAssembly program gets "
            "the text of that file.",
            metavar="ARGUMENT",
            show_default=False,
        ),
    ] = None,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", "-e", help="A variable of its environment; may be repeated.", metavar="NAME=VALUE"),
    ] = None,
    allow_private: Annotated[
        bool,
        typer.Option("--allow-private/--deny-private", help="Whether it may connect to private and loopback addresses."),
    ] = True,
    ca_file: Annotated[
        list[str] | None, typer.Option("--ca-file", help="Certificate authorities beside the system's.", metavar="PEM")
    ] = None,
    max_memory: MaxMemory = None,
    max_time: MaxTime = None,
    max_burst: MaxBurst = None,
    directory: Annotated[
        list[str] | None,
        typer.Option(
            "--dir", metavar="HOST[::NAME][:ro]", rich_help_panel=_PANEL,
            help="A directory that it may use, under another name if one is given, :ro for reading only; may be repeated.",
        ),
    ] = None,
    listen: Annotated[
        Any,
        typer.Option(
            "--listen", "--tcp-listen-port-range", "-l", parser=port_range, metavar="A..B", rich_help_panel=_PANEL,
            help="Ports that it may listen on: a range, one, or 0 for any that is free.", show_default="none",
        ),
    ] = None,
    tls_port: Annotated[
        int | None,
        typer.Option(
            "--tls-port", help="TLS port; it gets the connections to its server names.", min=0, max=65535, rich_help_panel=_PANEL,
            show_default="off", metavar="NUMBER",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Run a script or a WebAssembly program in the foreground, to its end.

    A script's log goes to stderr and its result to stdout: scriptOutput, what the exported function returns, or the
    value of the last expression. Failure is exit code 1. It has all of the Wapo global: with --listen it is a server.

    A WebAssembly program, for Wapo, for its predecessor or a plain WASI command, has this command's stdin, stdout and
    stderr, and its exit code is the command's; a trap or a limit is exit code 1. It may use no directories and no ports
    but those that are given.

    Time and CPU are limited only if limits are given: it is your own program on your own machine. Memory is at most
    100MB for a script and 4GB for a program, unless --max-memory says otherwise.
    """
    source = checked(lambda: _read(file), 1)
    is_program = source.startswith(_MAGIC)
    limits = checked(lambda: limits_of(
        memory_bytes=_PROGRAM_MEMORY if max_memory is None and is_program else max_memory,
        time_s=_UNLIMITED if max_time is None else max_time,
        burst_s=_UNLIMITED if max_burst is None else max_burst,
        cpu_s=_UNLIMITED, outgoing=_UNLIMITED, egress_bytes=_UNLIMITED,
        request_bytes=1 << 30,
    ))  # fmt: skip
    environment = checked(lambda: dict(map(_pair, env or ())))
    egress = EgressPolicy(allow_private=allow_private)
    roots = tuple(ca_file or ())
    if not is_program:
        checked(lambda: _refuse({"--dir": directory}))
        name, folder = ("<stdin>", Path()) if file == _STDIN else (Path(file).name, Path(file).parent)
        run_async(lambda: run_script_file(
            source, name, folder, arguments or [], environment, limits.guest, egress, NetworkSettings(
                listen_ports=listen, tls_port=tls_port, verify_sni_certificates=False, extra_roots=roots
            ),
        ))  # fmt: skip
        return
    options = checked(lambda: ProgramOptions(
        words=[file, *map(_word, arguments or ())], environment=environment,
        grants=tuple(grant_of(text) for text in directory or ()), listen_ports=listen, tls_port=tls_port,
        egress=egress, extra_roots=roots, has_stdin=file != _STDIN,
    ))  # fmt: skip
    run_async(lambda: run_program_file(source, limits.guest, options))


def _read(file: str) -> bytes:
    try:
        if file == _STDIN:
            return sys.stdin.buffer.read()
        content = Path(file).read_bytes()
        return bundled(Path(file)) if is_typescript(Path(file)) else content
    except OSError as error:
        raise CannotRun(f"{file} cannot be read: {error.strerror}") from None


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise CannotRun(f"{text!r} is not NAME=VALUE")
    return name, value


def _word(text: str) -> str:
    """An argument, or the text of the file that it names (wapo-abi.md 1.4)."""
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text("utf-8")
    except OSError as error:
        raise CannotRun(f"{text}: {text[1:]!r} cannot be read: {error.strerror}") from None
    except ValueError:
        raise CannotRun(f"{text}: {text[1:]!r} is not text in UTF-8") from None


def _refuse(given: dict[str, Any]) -> None:
    for name, value in given.items():
        if value is not None:
            raise CannotRun(f"{name} is for WebAssembly programs, and this is a script")

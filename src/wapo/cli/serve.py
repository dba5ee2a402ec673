"""``wapo serve``: a node that answers HTTP."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Final

import msgspec
import structlog
import typer
import uvicorn

from wapo.cli.main import checked, run_async
from wapo.cli.options import (
    DataDir,
    NodeBurst,
    NodeConcurrency,
    NodeContent,
    NodeMachines,
    NodeMemory,
    NodeProgram,
    NodeRequest,
    NodeResponse,
    NodeTime,
    Upstreams,
    limits_of,
    settings_of,
)  # fmt: skip
from wapo.cli.output import fail, note, working
from wapo.cli.workers import Inherited, supervise
from wapo.errors import CallerError
from wapo.gateway.agents import ResponseCut
from wapo.gateway.app import Gateway
from wapo.node.node import Node, open_node
from wapo.node.settings import NodeSettings
from wapo.vm.egress import EgressPolicy

__all__ = ["serve", "serve_socket"]

_BACKLOG: Final = 4096
_GRACE_S: Final = 10


def serve(
    data_dir: DataDir = None,
    host: Annotated[str, typer.Option(help="Address to listen on.", metavar="ADDRESS")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 lets the system choose.", min=0, max=65535, metavar="NUMBER")
    ] = 8000,
    workers: Annotated[int, typer.Option(help="Processes that answer requests.", min=1, max=256, metavar="NUMBER")] = 1,
    max_memory: NodeMemory = None,
    max_time: NodeTime = None,
    max_burst: NodeBurst = None,
    max_request: NodeRequest = None,
    max_response: NodeResponse = None,
    max_program: NodeProgram = None,
    max_content: NodeContent = None,
    max_machines: NodeMachines = None,
    max_concurrency: NodeConcurrency = None,
    local: Annotated[
        Path | None,
        typer.Option("--local", help="A program to run at /local, read anew at each request.", metavar="FILE"),
    ] = None,
    upstream: Upstreams = None,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            help="Where agents may connect to: a network, address, name or *.name; may be repeated.",
            metavar="RULE",
        ),
    ] = None,
    deny: Annotated[
        list[str] | None,
        typer.Option("--deny", help="Where agents may not connect to; may be repeated.", metavar="RULE"),
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Let agents connect to private and loopback addresses.", metavar="")
    ] = False,
    ca_file: Annotated[
        list[str] | None, typer.Option("--ca-file", help="Certificate authorities beside the system's.", metavar="PEM")
    ] = None,
    public_logs: Annotated[
        bool, typer.Option("--public-logs", help="Let anybody read any program's logs.", metavar="")
    ] = False,
    inherit_by_key: Annotated[
        bool,
        typer.Option("--inherit-by-key", help="Let vault items inherit with the parent's key alone.", metavar=""),
    ] = False,
) -> None:
    """Run a node: agents answer at /ipfs/<cid>, each request in a machine of its own.

    Without TLS of its own: put it behind a reverse proxy to face the internet.
    """
    limits = checked(lambda: limits_of(
        memory_bytes=max_memory, time_s=max_time, burst_s=max_burst, request_bytes=max_request,
        response_bytes=max_response, program_bytes=max_program, concurrency=max_concurrency,
    ))  # fmt: skip
    egress = checked(lambda: EgressPolicy(tuple(allow or ()), tuple(deny or ()), allow_private))
    settings = settings_of(
        data_dir, limits=limits, egress=egress, upstreams=upstream, local_file=local, public_logs=public_logs,
        max_machines=max_machines, extra_roots=tuple(ca_file or ()),
        **({} if max_content is None else {"content_bytes": max_content}),
    )  # fmt: skip
    inherited = Inherited.find()
    if inherited is not None:
        _configure_logging()
        run_async(
            lambda: serve_socket(
                settings, inherited.listener, inherit_by_key=inherit_by_key, started=inherited.stop_with_supervisor
            )
        )
        return
    if local is not None:
        checked(lambda: _check_local(local))
    listener = _listen(host, port)
    url = _url(listener)
    _configure_logging()
    if workers > 1:
        with working("Preparing"):
            run_async(lambda: _prepare(settings))
        note(f"wapo is listening on {url} with {workers} workers")
        raise typer.Exit(supervise(listener, workers))
    run_async(lambda: serve_socket(
        settings, listener, inherit_by_key=inherit_by_key, started=lambda: _greet(settings, url),
        starting=working("Starting"),
    ))  # fmt: skip


class CannotServe(CallerError):
    """The file for /local cannot be read."""

    code = "cannot_serve"


def _check_local(file: Path) -> None:
    """It is read anew at each request; but a name that is wrong from the beginning is told at the beginning."""
    try:
        file.open("rb").close()
    except OSError as error:
        raise CannotServe(f"{file} cannot be read: {error.strerror}") from None


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise fail(f"cannot listen on {_authority(host, port)}: {reason}") from None
    listener.listen(_BACKLOG)
    return listener


def _url(listener: socket.socket) -> str:
    return f"http://{_authority(*listener.getsockname()[:2])}"


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _prepare(settings: NodeSettings) -> None:
    """Makes key, database and compiled modules once, before several processes want them."""
    async with open_node(settings):
        pass


class _Server(uvicorn.Server):
    """Stops on SIGTERM and SIGINT, and then lets the node close; the stock server would raise the signal once more."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)


def _server_config(app: Gateway) -> uvicorn.Config:
    return uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, lifespan="off", http="httptools", ws="none",
        timeout_keep_alive=30, timeout_graceful_shutdown=_GRACE_S, backlog=_BACKLOG,
    )  # fmt: skip


async def serve_socket(
    settings: NodeSettings,
    listener: socket.socket,
    *,
    inherit_by_key: bool = False,
    started: Callable[[], None],
    starting: contextlib.AbstractContextManager[None] | None = None,
) -> int:
    """Serves on a socket until the process is told to stop.

    Args:
        started: called once the node is ready.
        starting: entered until then.
    """
    async with contextlib.AsyncExitStack() as stack:
        with starting or contextlib.nullcontext():
            node = await stack.enter_async_context(open_node(settings))
            await node.warm_up()
        server = _Server(_server_config(Gateway(node, inherit_by_key=inherit_by_key)))
        # What is here now stays until the end: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        _write_token(node)
        started()
        await server.serve(sockets=[listener])
    return 0


def _token_file(settings: NodeSettings) -> Path:
    return settings.data_dir / "operator.token"


def _write_token(node: Node) -> None:
    """The token follows from the key: where the key was replaced, another one is in the file."""
    path, text = _token_file(node.settings), node.operator_token + "\n"
    if path.exists() and path.read_text() == text:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)


def _greet(settings: NodeSettings, url: str) -> None:
    note(f"wapo is listening on {url}")
    note(f"data in {settings.data_dir}; the operator's token is in {_token_file(settings)}")
    if settings.local_file is not None:
        note(f"{settings.local_file} answers at {url}/local")


class _CutFilter(logging.Filter):
    """A response that was cut off on purpose is no news for the server's log."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], ResponseCut))


def _configure_logging() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.set_exc_info,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(
                serializer=lambda value, **_: msgspec.json.encode(value, enc_hook=str).decode()
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler()
    handler.addFilter(_CutFilter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], format="%(levelname)s %(name)s: %(message)s")

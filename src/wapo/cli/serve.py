"""``wapo serve``: a node that answers HTTP."""

import asyncio
import contextlib
import errno
import gc
import io
import ipaddress
import logging
import os
import resource
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, TextIO, cast

import msgspec
import typer

from wapo.cli.admin_client import AdminAccess
from wapo.cli.bundle import is_typescript
from wapo.cli.listeners import AppListeners, serve_all
from wapo.cli.main import checked, run_async
from wapo.cli.options import (
    DataDir,
    NodeBurst,
    NodeConcurrency,
    NodeContent,
    NodeMachines,
    NodeMemory,
    NodeMemoryTogether,
    NodeProgram,
    NodeRequest,
    NodeResponse,
    NodeTime,
    Upstreams,
    limits_of,
    settings_of,
)  # fmt: skip
from wapo.cli.output import fail, note, working
from wapo.cli.signals import heard_signals
from wapo.cli.values import host_option, rule_option
from wapo.cli.wapod_config import WapodConfig
from wapo.cli.worker_options import (
    AdminApiToken,
    AdminHost,
    AdminHostName,
    AdminOrigin,
    AdminPort,
    Apps,
    Config,
    InsecureAdmin,
    InstanceLife,
    InstanceMemory,
    ListenPorts,
    MaxInstances,
    ModuleCacheSize,
    OnDemandTime,
    QueryTime,
    RefuseReplays,
    TlsPort,
    TrustSniCertificates,
    UserPort,
    WorkerIdle,
    worker_settings_of,
)
from wapo.cli.workers import Inherited, Sockets, supervise
from wapo.errors import CallerError
from wapo.gateway.agents import ResponseCut
from wapo.gateway.app import Gateway
from wapo.log import configure
from wapo.node.memory import default_memory_bytes, keep_few_arenas
from wapo.node.node import Node, open_node
from wapo.node.settings import DataDirUnusable, NodeSettings
from wapo.vm.egress import EgressPolicy
from wapo.vm.net.tls_port import is_noise

__all__ = ["serve", "serve_sockets", "take_descriptors"]

_BACKLOG: Final = 4096
_DESCRIPTORS: Final = 1 << 20


def serve(
    data_dir: DataDir = None,
    host: Annotated[
        str, typer.Option(parser=host_option, help="Address to listen on, for apps too.", metavar="ADDRESS")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 lets the system choose.", min=0, max=65535, metavar="NUMBER")
    ] = 8000,
    workers: Annotated[
        int,
        typer.Option(help="Processes that run agents; the first runs the apps, too.", min=1, max=256, metavar="NUMBER"),
    ] = 1,
    max_memory: NodeMemory = None,
    max_node_memory: NodeMemoryTogether = None,
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
            parser=rule_option,
            help="Where agents may connect to: a network, address, name or *.name; may be repeated.",
            metavar="RULE",
        ),
    ] = None,
    deny: Annotated[
        list[str] | None,
        typer.Option(
            "--deny", parser=rule_option, help="Where agents may not connect to; may be repeated.", metavar="RULE"
        ),
    ] = None,
    allow_private: Annotated[
        bool, typer.Option("--allow-private", help="Let agents connect to private and loopback addresses.")
    ] = False,
    ca_file: Annotated[
        list[str] | None, typer.Option("--ca-file", help="Certificate authorities beside the system's.", metavar="PEM")
    ] = None,
    public_logs: Annotated[bool, typer.Option("--public-logs", help="Let anybody read any program's logs.")] = False,
    inherit_by_key: Annotated[
        bool,
        typer.Option("--inherit-by-key", help="Let vault items inherit with the parent's key alone."),
    ] = False,
    apps: Apps = True,
    admin_port: AdminPort = None,
    admin_host: AdminHost = None,
    admin_host_name: AdminHostName = None,
    admin_origin: AdminOrigin = None,
    admin_api_token: AdminApiToken = None,
    insecure_admin: InsecureAdmin = False,
    user_port: UserPort = None,
    instance_memory_size: InstanceMemory = None,
    max_instances: MaxInstances = 8,
    module_cache_size: ModuleCacheSize = 16,
    tcp_listen_port_range: ListenPorts = None,
    tls_port: TlsPort = None,
    do_not_verify_tls_server_cert: TrustSniCertificates = False,
    on_demand_instance_time_secs: OnDemandTime = 60.0,
    max_on_demand_life: InstanceLife = None,
    max_query_time: QueryTime = None,
    idle_grace: WorkerIdle = None,
    refuse_replays: RefuseReplays = None,
    config: Config = None,
) -> None:
    """Run a node: agents answer at /ipfs/<cid>, each request in a machine of its own.

    Without TLS of its own: put it behind a reverse proxy to face the internet. WebAssembly apps are managed with
    wapo app, or through the admin RPC; they answer at the user listener, under /app/<address>/.
    """
    limits = checked(lambda: limits_of(
        memory_bytes=max_memory, time_s=max_time, burst_s=max_burst, request_bytes=max_request,
        response_bytes=max_response, program_bytes=max_program, concurrency=max_concurrency,
    ))  # fmt: skip
    listening = checked(lambda: WapodConfig.load(config)) if apps else WapodConfig()
    denied = (*(deny or ()), *(listening.denied or ()))
    egress = checked(lambda: EgressPolicy(tuple(allow or ()), denied, allow_private))
    roots = tuple(ca_file or ())
    worker = worker_settings_of(
        instance_memory=instance_memory_size, max_instances=max_instances, module_cache_size=module_cache_size,
        on_demand_time_s=on_demand_instance_time_secs, query_time_s=max_query_time, idle_grace_s=idle_grace,
        instance_life_s=max_on_demand_life, refuse_replays_s=refuse_replays,
        listen_ports=tcp_listen_port_range, tls_host=host, tls_port=tls_port,
        verify_sni=not do_not_verify_tls_server_cert, extra_roots=roots,
    )  # fmt: skip
    settings = settings_of(
        data_dir, limits=limits, egress=egress, upstreams=upstream, local_file=local, public_logs=public_logs,
        max_machines=max_machines, extra_roots=roots,
        node_memory_bytes=default_memory_bytes(workers) if max_node_memory is None else max_node_memory // workers,
        **({} if max_content is None else {"content_bytes": max_content}),
    )  # fmt: skip
    with_apps = replace(settings, worker=worker) if apps else settings
    listeners = AppListeners(
        listening, admin_api_token, insecure_admin, tuple(admin_host_name or ()), tuple(admin_origin or ())
    )
    take_descriptors()
    keep_few_arenas()
    inherited = Inherited.find()
    if inherited is not None:
        _configure_logging()
        run_async(
            lambda: serve_sockets(
                with_apps if inherited.first else settings, inherited.sockets, listeners,
                inherit_by_key=inherit_by_key, started=lambda _node: inherited.stop_with_supervisor(),
            )
        )  # fmt: skip
        return
    if local is not None:
        checked(lambda: _check_local(local))
    admin_host = admin_host or listening.admin.address or "127.0.0.1"
    if apps and insecure_admin and not _is_loopback(admin_host):
        raise fail("--insecure-admin is for loopback only: anybody could run programs here", 2)
    sockets = Sockets(_listen(host, port))
    if apps:
        sockets = Sockets(
            sockets.gateway,
            _listen_somewhere(admin_host, admin_port, listening.admin.port, 8001),
            _listen_somewhere(listening.user.address or host, user_port, listening.user.port, 8002),
        )
    _configure_logging()
    if workers > 1:
        with working("Preparing"):
            run_async(lambda: _prepare(settings, sockets, listeners if apps else None))
        raise typer.Exit(supervise(sockets, workers, lambda: _greet(with_apps, sockets, f" with {workers} workers")))
    run_async(
        lambda: serve_sockets(
            with_apps, sockets, listeners, inherit_by_key=inherit_by_key,
            started=lambda node: _greet(with_apps, sockets, node=node), starting=working("Starting"),
        )
    )  # fmt: skip


def take_descriptors() -> None:
    """As many descriptors as the system allows: the usual soft limit of 1024 is for programs that use select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class CannotServe(CallerError):
    """The file for /local cannot be read."""

    code = "cannot_serve"


def _check_local(file: Path) -> None:
    """It is read anew at each request; but a name that is wrong from the beginning is told at the beginning."""
    if is_typescript(file):
        raise CannotServe(f"{file} is TypeScript: serve what 'esbuild --bundle --format=esm --watch' makes of it")
    try:
        file.open("rb").close()
    except OSError as error:
        raise CannotServe(f"{file} cannot be read: {error.strerror}") from None


def _listen(host: str, port: int) -> socket.socket:
    try:
        return _bound(host, port)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise fail(f"cannot listen on {_authority(host, port)}: {reason}") from None


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def _listen_somewhere(host: str, asked: int | None, configured: int | None, usual: int) -> socket.socket:
    """On the port that was asked for; else on the usual one, or on a free one if that is taken."""
    port = asked if asked is not None else configured
    if port is not None:
        return _listen(host, port)
    try:
        return _bound(host, usual)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return _listen(host, usual)
        return _listen(host, 0)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url(listener: socket.socket) -> str:
    return f"http://{_authority(*listener.getsockname()[:2])}"


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _prepare(settings: NodeSettings, sockets: Sockets, listeners: AppListeners | None) -> None:
    """Makes key, database and compiled modules once, before several processes want them, and writes what commands
    look for: they may come as soon as the greeting is there, and find an open socket."""
    async with open_node(settings) as node:
        _write_token(node)
        if listeners is not None:
            _announce(node, sockets, listeners)


async def serve_sockets(
    settings: NodeSettings,
    sockets: Sockets,
    listeners: AppListeners | None = None,
    *,
    inherit_by_key: bool = False,
    started: Callable[[Node], None],
    starting: contextlib.AbstractContextManager[None] | None = None,
) -> int:
    """Serves on sockets until the process is told to stop.

    Args:
        started: called once the node is ready.
        starting: entered until then.
    """
    with heard_signals() as signals:
        try:
            async with contextlib.AsyncExitStack() as stack:
                with signals.cancel_instead(), starting or contextlib.nullcontext():
                    node = await stack.enter_async_context(open_node(settings, worker_later=True))
                    await node.warm_up()
                gateway = Gateway(node, inherit_by_key=inherit_by_key)
                # What is here now stays until the end: the collector need not look at it again and again. (Nor once
                # before that: it takes 50 ms, and finds a few kilobytes.)
                gc.freeze()
                _write_token(node)
                if listeners is not None and sockets.admin is not None and sockets.user is not None:
                    stack.callback(_announce(node, sockets, listeners).withdraw, settings.data_dir)

                def ready() -> None:
                    started(node)
                    stack.callback(asyncio.create_task(node.load_rest(), name="wapo-load").cancel)

                await serve_all(node, gateway, sockets, listeners, signals, ready)
        except asyncio.CancelledError:
            if not signals.asked.is_set():
                raise
    return 0


def _announce(node: Node, sockets: Sockets, listeners: AppListeners) -> AdminAccess:
    """Writes where commands find the node's apps."""
    assert sockets.admin is not None
    assert sockets.user is not None
    access = AdminAccess(_url(sockets.admin), listeners.admin_token(node), _url(sockets.user))
    try:
        access.write(node.settings.data_dir)
    except OSError as error:
        raise DataDirUnusable(f"{node.settings.data_dir} cannot be written: {error.strerror}") from error
    return access


def _token_file(settings: NodeSettings) -> Path:
    return settings.data_dir / "operator.token"


def _write_token(node: Node) -> None:
    """The token follows from the key: where the key was replaced, another one is in the file."""
    path, content = _token_file(node.settings), f"{node.operator_token}\n".encode()
    try:
        if path.exists() and path.read_bytes() == content:
            return
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise DataDirUnusable(f"{path} cannot be written: {error.strerror}") from error


def _greet(settings: NodeSettings, sockets: Sockets, how: str = "", *, node: Node | None = None) -> None:
    url = _url(sockets.gateway)
    note(f"wapo is listening on {url}{how}")
    note(f"data in {settings.data_dir}; the operator's token is in {_token_file(settings)}")
    if sockets.admin is not None and sockets.user is not None:
        note(f"apps: wapo app --help; admin RPC on {_url(sockets.admin)}, apps and queries on {_url(sockets.user)}")
    if settings.worker is not None:
        network = settings.worker.network
        shared = node.worker.network.tls_port if node is not None and node.worker is not None else None
        port = shared.port if shared is not None else network.tls_port
        if port:
            note(f"apps have names of their own on {_authority(network.tls_host, port)}, with TLS")
        if network.listen_ports is not None:
            note("apps may listen on ports {} to {}".format(*network.listen_ports))
    if settings.local_file is not None:
        note(f"{settings.local_file} answers at {url}/local")


class _CutFilter(logging.Filter):
    """A response that was cut off on purpose is no news for the server's log: by its agent, or by a node that stops."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], (ResponseCut, asyncio.CancelledError)))


class _Unfailing(io.TextIOBase):
    """The node's log, which may be a file on a disk that is full: what it does not take is not worth a request."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._file.flush()


def _tell_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    if not is_noise(unraisable):
        sys.__unraisablehook__(unraisable)


def _configure_structlog() -> None:
    import structlog  # with the first event: see wapo.log

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
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Unfailing(sys.stderr))),
    )


def _configure_logging() -> None:
    sys.unraisablehook = _tell_unraisable
    configure(_configure_structlog)
    handler = logging.StreamHandler()
    handler.addFilter(_CutFilter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], format="%(levelname)s %(name)s: %(message)s")

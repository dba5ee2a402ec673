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

from wapo.cli.announce import authority, token_path, url_of, write_access, write_token
from wapo.cli.attestation import Attestation, provider_for_serving
from wapo.cli.bundle import is_typescript
from wapo.cli.confinement import Confine, Confinement, RequireConfinement, User, use_home_of
from wapo.cli.listeners import AppListeners, serve_all
from wapo.cli.main import checked, run_async
from wapo.cli.member import serve_as_member
from wapo.cli.options import (
    Budget,
    DataDir,
    NodeBurst,
    NodeConcurrency,
    NodeContent,
    NodeCpu,
    NodeEgress,
    NodeMachines,
    NodeMemory,
    NodeMemoryTogether,
    NodeOutgoing,
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
from wapo.cli.sockets import Sockets
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
from wapo.cli.workers import supervise
from wapo.errors import CallerError
from wapo.gateway.agents import ResponseCut
from wapo.gateway.app import Gateway
from wapo.log import configure
from wapo.node.attestation import NOTHING_ATTESTED
from wapo.node.memory import LEAST_BYTES, default_memory_bytes, keep_few_arenas
from wapo.node.node import Node, open_node
from wapo.node.settings import NodeSettings, ReceiptPolicy
from wapo.processes.inheritance import Inheritance
from wapo.vm.egress import EgressPolicy
from wapo.vm.net.options import send_at_once
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
        typer.Option(
            help="Processes that run agents; one of them runs the apps, too.", min=1, max=256, metavar="NUMBER"
        ),
    ] = 1,
    max_memory: NodeMemory = None,
    max_node_memory: NodeMemoryTogether = None,
    max_time: NodeTime = None,
    max_burst: NodeBurst = None,
    max_cpu: NodeCpu = None,
    max_outgoing: NodeOutgoing = None,
    max_egress: NodeEgress = None,
    max_request: NodeRequest = None,
    max_response: NodeResponse = None,
    max_program: NodeProgram = None,
    max_content: NodeContent = None,
    max_machines: NodeMachines = None,
    max_concurrency: NodeConcurrency = None,
    budget: Budget = None,
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
    receipts: Annotated[
        ReceiptPolicy,
        typer.Option(
            "--receipts",
            help="Which answers of agents get a receipt: of callers who ask for one (Accept-Signature), all, or none.",
        ),
    ] = ReceiptPolicy.ASKED,
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
    attestation: Attestation = "auto",
    user: User = None,
    confinement: Confine = True,
    require_confinement: RequireConfinement = False,
) -> None:
    """Run a node: agents answer at /ipfs/<cid>, each request in a machine of its own.

    Without TLS of its own: put it behind a reverse proxy to face the internet. WebAssembly apps are managed with
    wapo app, or through the admin RPC; they answer at the user listener, under /app/<address>/.
    """
    if user is not None:
        checked(lambda: use_home_of(user))
    limits = checked(lambda: limits_of(
        memory_bytes=max_memory, time_s=max_time, burst_s=max_burst, cpu_s=max_cpu, outgoing=max_outgoing,
        egress_bytes=max_egress, request_bytes=max_request, response_bytes=max_response, program_bytes=max_program,
        concurrency=max_concurrency, **dict(budget or ()),
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
    together = default_memory_bytes() if max_node_memory is None else max_node_memory
    checked(lambda: _check_share(workers, together))
    provider = checked(lambda: provider_for_serving(attestation))
    settings = settings_of(
        data_dir, limits=limits, egress=egress, upstreams=upstream, local_file=local, public_logs=public_logs,
        max_machines=max_machines, attestation=provider, extra_roots=roots, receipts=receipts,
        node_memory_bytes=together // workers,
        **({} if max_content is None else {"content_bytes": max_content}),
    )  # fmt: skip
    if user is not None:
        settings = replace(settings, cache_dir=settings.data_dir / "cache")
    with_apps = replace(settings, worker=worker) if apps else settings
    listeners = AppListeners(
        listening, admin_api_token, insecure_admin, tuple(admin_host_name or ()), tuple(admin_origin or ())
    )
    wall = Confinement(with_apps, user, confinement, require_confinement)
    take_descriptors()
    keep_few_arenas()
    inheritance = checked(Inheritance.find, 1)
    if inheritance is not None:
        _configure_logging()
        checked(provider.prepare, 1)
        run_async(
            lambda: wall.around(lambda: serve_as_member(
                inheritance, settings, with_apps.worker, listeners, inherit_by_key=inherit_by_key
            ))
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
        cores = len(os.sched_getaffinity(0))
        if workers > cores:
            note(f"{workers} workers share {cores} cores: more than one a core make nothing faster")
        if apps and tls_port is not None:
            sockets = replace(sockets, tls=_listen(host, tls_port))
        checked(wall.prepare, 1)
        raise typer.Exit(supervise(
            sockets, workers, with_apps, lambda: _greet(with_apps, sockets, f" with {workers} workers"),
            working("Starting"),
        ))  # fmt: skip
    checked(wall.prepare, 1)
    checked(provider.prepare, 1)
    run_async(
        lambda: wall.around(lambda: serve_sockets(
            with_apps, sockets, listeners, inherit_by_key=inherit_by_key,
            started=lambda node: _greet(with_apps, sockets, node=node), starting=working("Starting"),
        ))
    )  # fmt: skip


def take_descriptors() -> None:
    """As many descriptors as the system allows: the usual soft limit of 1024 is for programs that use select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class TooManyWorkers(CallerError):
    """The node's memory is not enough for so many processes."""

    code = "too_many_workers"


def _check_share(workers: int, memory_bytes: int) -> None:
    """One process alone may have a limit below what it takes in any case, which is then raised; several would together
    take many times what the operator has said, or the machine has."""
    share = memory_bytes // workers
    if workers > 1 and share < LEAST_BYTES:
        raise TooManyWorkers(
            f"{workers} workers would have {share >> 20} MB each, and need {LEAST_BYTES >> 20} MB: "
            f"{memory_bytes >> 20} MB are enough for {max(1, memory_bytes // LEAST_BYTES)} (see --max-node-memory)"
        )


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
        raise fail(f"cannot listen on {authority(host, port)}: {reason}") from None


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        send_at_once(listener)  # so do connections, whoever serves them
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
                write_token(node)
                if listeners is not None and sockets.admin is not None and sockets.user is not None:
                    urls = url_of(sockets.admin), url_of(sockets.user)
                    access = write_access(node, listeners.admin_token(node), urls)
                    stack.callback(access.withdraw, settings.data_dir)

                def ready() -> None:
                    started(node)
                    stack.callback(asyncio.create_task(node.load_rest(), name="wapo-load").cancel)

                await serve_all(node, gateway, sockets, listeners, signals, ready)
        except asyncio.CancelledError:
            if not signals.asked.is_set():
                raise
    return 0


def _greet(settings: NodeSettings, sockets: Sockets, how: str = "", *, node: Node | None = None) -> None:
    url = url_of(sockets.gateway)
    note(f"wapo is listening on {url}{how}")
    note(f"data in {settings.data_dir}; the operator's token is in {token_path(settings.data_dir)}")
    if sockets.admin is not None and sockets.user is not None:
        note(f"apps: wapo app --help; admin RPC on {url_of(sockets.admin)}, apps and queries on {url_of(sockets.user)}")
    if settings.worker is not None:
        network = settings.worker.network
        shared = node.worker.network.tls_port if node is not None and node.worker is not None else None
        port = sockets.tls.getsockname()[1] if sockets.tls is not None else shared.port if shared is not None else None
        if port is not None:
            note(f"apps have names of their own on {authority(network.tls_host, port)}, with TLS")
        if network.listen_ports is not None:
            note("apps may listen on ports {} to {}".format(*network.listen_ports))
    if node is not None:
        note(node.attestor.statement)
    elif settings.attestation is None or settings.attestation.kind == "none":
        note(NOTHING_ATTESTED)
    else:
        note(f"{settings.attestation.kind} is to attest this node; {url}/attestation says whether it does")
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

"""Options of ``wapo serve`` that are about the worker and its apps (node-and-gateway 6.4)."""

from pathlib import Path
from typing import Annotated, Any, Final

import typer

from wapo.cli.values import grace_option, host_option, memory_option, port_range, time_option, token_option
from wapo.node.apps.settings import WorkerSettings
from wapo.vm.net.network import NetworkSettings

__all__ = [
    "AdminApiToken", "AdminHost", "AdminHostName", "AdminOrigin", "AdminPort", "Apps", "Config", "InsecureAdmin",
    "InstanceLife", "InstanceMemory", "ListenPorts", "MaxInstances", "ModuleCacheSize", "OnDemandTime", "QueryTime", "RefuseReplays", "TlsPort",
    "TrustSniCertificates", "UserPort", "WorkerIdle", "worker_settings_of",
]  # fmt: skip

_PANEL: Final = "Apps"


Apps = Annotated[
    bool,
    typer.Option(
        "--apps/--no-apps", help="Run WebAssembly apps, and listen for them.", rich_help_panel=_PANEL, metavar=""
    ),
]
AdminPort = Annotated[
    int | None,
    typer.Option(
        "--admin-port", min=0, max=65535, rich_help_panel=_PANEL, metavar="NUMBER", show_default="8001, or a free one if that is taken",
        help="Port of the admin RPC, for whoever has the token.",
    ),
]  # fmt: skip
AdminHost = Annotated[
    str | None,
    typer.Option(
        "--admin-host",
        parser=host_option,
        help="Address of the admin RPC.",
        metavar="ADDRESS",
        rich_help_panel=_PANEL,
        show_default="127.0.0.1",
    ),
]
AdminHostName = Annotated[
    list[str] | None,
    typer.Option(
        "--admin-host-name", help="A host name in URLs of the admin RPC, beside localhost and addresses; may be repeated.",
        rich_help_panel=_PANEL, metavar="NAME",
    ),
]  # fmt: skip
AdminOrigin = Annotated[
    list[str] | None,
    typer.Option(
        "--admin-origin", help="A web origin whose pages may call the admin RPC; may be repeated.",
        rich_help_panel=_PANEL, metavar="URL",
    ),
]  # fmt: skip
AdminApiToken = Annotated[
    str | None,
    typer.Option(
        "--admin-api-token", "-t", parser=token_option, help="The admin RPC's token.", rich_help_panel=_PANEL,
        metavar="TOKEN",
        show_default="the operator's token",
    ),
]  # fmt: skip
InsecureAdmin = Annotated[
    bool,
    typer.Option(
        "--insecure-admin",
        help="Ask nobody for the admin token; on loopback only.",
        rich_help_panel=_PANEL,
        metavar="",
    ),
]
UserPort = Annotated[
    int | None,
    typer.Option(
        "--user-port", min=0, max=65535, rich_help_panel=_PANEL, metavar="NUMBER", show_default="8002, or a free one if that is taken",
        help="Port for everybody: HTTP to apps, and queries.",
    ),
]  # fmt: skip
InstanceMemory = Annotated[
    Any,
    typer.Option(
        "--instance-memory-size", "-m", parser=memory_option, help="Memory of one instance, up to 4GB.", metavar="SIZE",
        rich_help_panel=_PANEL, show_default="128M",
    ),
]  # fmt: skip
MaxInstances = Annotated[
    int,
    typer.Option(
        "--max-instances", "-c", help="Instances of all apps together.", min=1, metavar="NUMBER", rich_help_panel=_PANEL
    ),
]
ModuleCacheSize = Annotated[
    int,
    typer.Option(
        "--module-cache-size",
        help="Compiled programs that are kept in memory.",
        min=1,
        metavar="NUMBER",
        rich_help_panel=_PANEL,
    ),
]
ListenPorts = Annotated[
    Any,
    typer.Option(
        "--tcp-listen-port-range", "-l", parser=port_range, metavar="A..B", rich_help_panel=_PANEL,
        help="Ports that apps may listen on, or none.", show_default="none",
    ),
]  # fmt: skip
TlsPort = Annotated[
    int | None,
    typer.Option(
        "--tls-port", help="TLS port that apps share; a connection goes to the app that has the server name.", min=0, max=65535, rich_help_panel=_PANEL,
        show_default="off", metavar="NUMBER",
    ),
]  # fmt: skip
TrustSniCertificates = Annotated[
    bool,
    typer.Option(
        "--do-not-verify-tls-server-cert", rich_help_panel=_PANEL, metavar="",
        help="Let apps have a server name with a certificate that leads to no trusted root.",
    ),
]  # fmt: skip
OnDemandTime = Annotated[
    float,
    typer.Option(
        "--on-demand-instance-time-secs", help="Seconds that an instance may live that was started for a query; each query of it begins them anew.", min=0.001,
        rich_help_panel=_PANEL, metavar="SECONDS",
    ),
]  # fmt: skip
InstanceLife = Annotated[
    Any,
    typer.Option(
        "--max-on-demand-life", parser=time_option, metavar="TIME", rich_help_panel=_PANEL, show_default="unlimited",
        help="How long an on-demand instance may live, whatever it is asked meanwhile.",
    ),
]  # fmt: skip
RefuseReplays = Annotated[
    Any,
    typer.Option(
        "--refuse-replays", parser=time_option, metavar="TIME", rich_help_panel=_PANEL, show_default="off",
        help="Refuse a signed query that the same signer has sent within this time.",
    ),
]  # fmt: skip
QueryTime = Annotated[
    Any,
    typer.Option(
        "--max-query-time", parser=time_option, help="Time that a query may take.", metavar="TIME",
        rich_help_panel=_PANEL, show_default="as long as such an instance",
    ),
]  # fmt: skip
WorkerIdle = Annotated[
    Any,
    typer.Option(
        "--idle-grace", parser=grace_option, metavar="TIME", rich_help_panel=_PANEL, show_default="0s",
        help="How long an on-demand app (deployed without --fresh) stays after its last query.",
    ),
]  # fmt: skip
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", help="A file like the original's Wapod.toml.", metavar="FILE", rich_help_panel=_PANEL,
        show_default="Wapod.toml, if it is there",
    ),
]  # fmt: skip


def worker_settings_of(
    *,
    instance_memory: int | None,
    max_instances: int,
    module_cache_size: int,
    on_demand_time_s: float,
    instance_life_s: float | None,
    query_time_s: float | None,
    idle_grace_s: float | None,
    refuse_replays_s: float | None,
    listen_ports: tuple[int, int] | None,
    tls_host: str,
    tls_port: int | None,
    verify_sni: bool,
    extra_roots: tuple[str, ...],
) -> WorkerSettings:
    """The settings of a worker."""
    usual = WorkerSettings()
    return WorkerSettings(
        instance_memory_bytes=instance_memory or usual.instance_memory_bytes,
        max_instances=max_instances,
        module_cache=module_cache_size,
        on_demand_time_s=on_demand_time_s,
        instance_life_s=instance_life_s,
        query_time_s=query_time_s,
        idle_grace_s=idle_grace_s or 0.0,
        refuse_replays_s=refuse_replays_s,
        network=NetworkSettings(
            listen_ports=listen_ports, tls_host=tls_host, tls_port=tls_port, verify_sni_certificates=verify_sni,
            extra_roots=extra_roots,
        ),
    )  # fmt: skip

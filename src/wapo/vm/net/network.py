"""What one process has for its guests' networking."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

from wapo.errors import HostError
from wapo.vm.egress import EgressPolicy
from wapo.vm.net.budget import SocketBudget, socket_budget
from wapo.vm.net.dialer import Dialer
from wapo.vm.net.resolver import Resolver
from wapo.vm.net.tls_config import TrustRoots
from wapo.vm.net.tls_port import TlsPort

__all__ = ["Network", "NetworkSettings", "TlsPortFailed"]


class TlsPortFailed(HostError):
    """The shared TLS port cannot be listened on."""

    code = "tls_port_failed"


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """What an operator decides.

    Attributes:
        listen_ports: the ports that guests may listen on, first and last; None: none.
        tls_host, tls_port: where the shared TLS port listens; None: there is none.
        tls_listener: the descriptor of a socket that listens there already, and goes on when this network has ended.
        verify_sni_certificates: whether a certificate for a server name must lead to a trusted root.
        extra_roots: PEM files of certificate authorities beside the system's.
    """

    listen_ports: tuple[int, int] | None = None
    tls_host: str = "0.0.0.0"
    tls_port: int | None = None
    tls_listener: int | None = None
    verify_sni_certificates: bool = True
    extra_roots: tuple[str, ...] = ()


class Network:
    """An async context manager where it has a shared TLS port; guests use it between. The resolver is the caller's, and
    so is the budget if it is given: a process has one.

    Attributes:
        on_listen: told of each port that a guest listens on, for whoever shows it.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        resolver: Resolver,
        settings: NetworkSettings | None = None,
        budget: SocketBudget | None = None,
    ) -> None:
        self.settings = settings or NetworkSettings()
        self.policy = policy
        self.budget = budget or socket_budget()
        self.resolver = resolver
        self.dialer = Dialer(policy, self.resolver)
        self.roots = TrustRoots(self.settings.extra_roots)
        self.tls_port: TlsPort | None = None
        self.on_listen: Callable[[str, int], None] | None = None
        self._stack = AsyncExitStack()

    def may_listen_on(self, port: int) -> bool:
        """Whether guests may listen on a port; 0 lets the system choose, if the range has it."""
        ports = self.settings.listen_ports
        return ports is not None and ports[0] <= port <= ports[1]

    async def __aenter__(self) -> "Network":
        """Raises :class:`TlsPortFailed`."""
        host, port = self.settings.tls_host, self.settings.tls_port
        if port is not None:
            try:
                self.tls_port = await self._stack.enter_async_context(
                    TlsPort(host, port, self.budget, self.settings.tls_listener)
                )
            except OSError as error:
                raise TlsPortFailed(f"cannot listen on {host}:{port} for TLS: {error.strerror or error}") from None
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

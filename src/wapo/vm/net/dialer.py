"""Raw connections out (wapo-abi.md 6.3 and 6.4): names resolved here, every address checked against the egress policy,
SOCKS proxies from the environment of the host."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from wapo.lazy import library
from wapo.vm.egress import EgressPolicy
from wapo.vm.net.addresses import is_ip_literal
from wapo.vm.net.options import send_at_once
from wapo.vm.net.resolver import Resolver

if TYPE_CHECKING:
    import python_socks
    import python_socks.async_.asyncio as socks_client
else:
    python_socks = library("python_socks")
    socks_client = library("python_socks.async_.asyncio")

__all__ = ["Dialer"]

_PROXY_TIMEOUT_S: Final = 60.0


class Dialer:
    """Connects for guests.

    Args:
        environment: where ``all_proxy`` and ``i2p_proxy`` are looked up, in lower case only.
    """

    def __init__(self, policy: EgressPolicy, resolver: Resolver, environment: Mapping[str, str] = os.environ) -> None:
        self.policy = policy
        self._resolver = resolver
        self._environment = environment

    async def connect(self, host: str, port: int, owner: str = "") -> socket.socket:
        """A connected, non-blocking socket. There is no time limit but the system's.

        Raises:
            OSError: it cannot be reached; ``EgressDenied`` if the policy forbids where the name leads.
        """
        proxy = self._proxy(host)
        if proxy is not None and proxy[0] == "socks5h":
            # The name is the proxy's to resolve; but 127.1 and 0x7f000001 are no names, whatever they look like.
            for address in _numeric(host, port):
                self.policy.check_address(address, None)
            return await self._through(proxy, host, port)
        last: OSError = OSError(f"{host} has no address")
        for family, address in await self._addresses(host, port, owner):
            try:
                self.policy.check_address(str(address[0]), None if is_ip_literal(host) else host)
                if proxy is not None:
                    return await self._through(proxy, str(address[0]), port)
                return await _connect(family, address)
            except OSError as error:
                last = error
        raise last

    async def look_up(self, host: str, owner: str = "") -> list[str]:
        """The addresses of a name that may be connected to, in the system's order.

        Raises:
            OSError: it cannot be resolved here; ``EgressDenied`` if the policy forbids all that it leads to.
        """
        proxy = self._proxy(host)
        if proxy is not None and proxy[0] == "socks5h":
            raise OSError("names are the proxy's to resolve")
        try:
            answers = await self._resolver.find(host, owner)
        except UnicodeError as error:
            raise OSError(f"{host!r} is not a name") from error
        allowed: list[str] = []
        denied: OSError = OSError(f"{host} has no address")
        for _, _, address in answers:
            try:
                self.policy.check_address(str(address[0]), None if is_ip_literal(host) else host)
            except OSError as error:
                denied = error
            else:
                allowed.append(str(address[0]))
        if not allowed:
            raise denied
        return allowed

    async def _addresses(self, host: str, port: int, owner: str) -> list[tuple[socket.AddressFamily, Any]]:
        """IPv4 first, IPv6 only if there is no IPv4 answer (6.4)."""
        try:
            answers = await self._resolver.find(host, owner)
        except UnicodeError as error:
            raise OSError(f"{host!r} is not a name") from error
        found = [(family, (address[0], port, *address[2:])) for family, _, address in answers]
        v4 = [entry for entry in found if entry[0] == socket.AF_INET]
        return v4 or found

    def _proxy(self, host: str) -> tuple[str, str, int] | None:
        """Scheme, host and port of the proxy for a host.

        Raises:
            OSError: one is configured that cannot be used: then nothing may go around it.
        """
        name = "i2p_proxy" if host.rstrip(".").lower().endswith(".i2p") else ""
        url = (self._environment.get(name, "").strip() if name else "") or self._environment.get(
            "all_proxy", ""
        ).strip()
        if not url:
            return None
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("socks5", "socks5h") and parts.hostname and parts.port and not parts.username
        except ValueError:
            usable = False
        if not usable:
            raise OSError("the proxy in the host's environment cannot be used: it must be socks5[h]://host:port")
        return parts.scheme, str(parts.hostname), int(parts.port or 0)

    async def _through(self, proxy: tuple[str, str, int], host: str, port: int) -> socket.socket:
        scheme, proxy_host, proxy_port = proxy
        client = socks_client.Proxy(python_socks.ProxyType.SOCKS5, proxy_host, proxy_port, rdns=scheme == "socks5h")
        try:
            connected: socket.socket = await client.connect(host, port, timeout=_PROXY_TIMEOUT_S)
        except OSError:
            raise
        except Exception as error:  # the library's own classes, which are no OSError
            raise OSError(f"the proxy did not connect: {error}") from error
        connected.setblocking(False)
        send_at_once(connected)
        return connected


def _numeric(host: str, port: int) -> list[str]:
    """The addresses that a host is, in whatever spelling; none if it is a name. Asks nobody."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [str(address[0]) for _, _, _, _, address in found]


async def _connect(family: socket.AddressFamily, address: Any) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        send_at_once(made)
        await asyncio.get_running_loop().sock_connect(made, address)
    except BaseException:
        made.close()
        raise
    return made

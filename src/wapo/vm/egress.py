"""Where guests may connect to: one policy for every way out.

Names are checked as given; addresses are checked where the connection is really made, on the address that the socket
gets, so neither DNS (rebinding, names of private hosts) nor the many spellings of an address can go around it.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from wapo.errors import CallerError

__all__ = ["EgressDenied", "EgressPolicy", "InvalidEgressRule"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_V4_COMPATIBLE: Final = ipaddress.IPv6Network("::/96")

#: Not public, and the library takes them for global: site-local addresses (RFC 3879 asks to treat them as before) and
#: segment identifiers (RFC 9602).
_NOT_GLOBAL: Final = (ipaddress.IPv6Network("fec0::/10"), ipaddress.IPv6Network("5f00::/16"))


class InvalidEgressRule(CallerError):
    """An entry of an allow or deny list that is neither a network, an address nor a name."""

    code = "bad_egress_rule"


class EgressDenied(OSError):
    """The policy forbids this destination. An ``OSError``, because it is raised where sockets are made."""


@dataclass(frozen=True, slots=True)
class _Rules:
    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()
    suffixes: tuple[str, ...] = ()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> "_Rules":
        networks: list[Network] = []
        names: set[str] = set()
        suffixes: list[str] = []
        for entry in entries:
            text = entry.strip().lower().rstrip(".")
            if not text or text.startswith("#"):
                continue
            try:
                networks.append(ipaddress.ip_network(text.strip("[]"), strict=False))
                continue
            except ValueError:
                pass
            if text.startswith("*.") and "*" not in text[2:]:
                suffixes.append("." + _plain(text[2:]))
            elif all(c.isalnum() or c in "-._" for c in text):
                names.add(_plain(text))
            else:
                raise InvalidEgressRule(
                    f"{entry!r} is not a rule; allowed are a network (10.0.0.0/8), an address, a name or *.name"
                )
        return cls(tuple(networks), frozenset(names), tuple(suffixes))

    def has_name(self, name: str) -> bool:
        return name in self.names or any(name.endswith(suffix) for suffix in self.suffixes)

    def has_address(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self.networks)


@dataclass(frozen=True)
class EgressPolicy:
    """Allow and deny lists of names and address ranges.

    A denied name or address is refused. With a non-empty allow list, whatever is not on it is refused. Addresses that
    are not global (loopback, private, link-local, shared, multicast, reserved) are refused unless an allowed network
    contains them or ``allow_private`` is set.

    Raises:
        InvalidEgressRule: an entry cannot be understood.
    """

    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    allow_private: bool = False
    _allow: _Rules = field(init=False, repr=False, compare=False)
    _deny: _Rules = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_allow", _Rules.parse(self.allow))
        object.__setattr__(self, "_deny", _Rules.parse(self.deny))

    def check_host(self, host: str) -> None:
        """A host name or address literal, as the guest gave it, before anything is looked up.

        Raises:
            EgressDenied: it is denied by name, or as an address.
        """
        try:
            ipaddress.ip_address(host.strip("[]").split("%")[0])
        except ValueError:
            if self._deny.has_name(_plain(host)):
                raise EgressDenied(f"connecting to {host} is not allowed here") from None
        else:
            self.check_address(host.strip("[]"))

    def check_socket(self, text: str) -> None:
        """The last gate, at the socket: whatever name led here, the address must not be a forbidden one.

        Raises:
            EgressDenied: naming the address.
        """
        address = _canonical(ipaddress.ip_address(text.split("%")[0]))
        if self._deny.has_address(address):
            raise EgressDenied(f"connecting to {address} is not allowed here")
        if not self.allow_private and not self._allow.has_address(address) and not _is_public(address):
            raise EgressDenied(f"connecting to {address} is not allowed here: it is not a public address")

    def check_address(self, text: str, host: str | None = None) -> None:
        """An address that is about to be connected to; ``host`` is the name that it was found for, if any.

        Raises:
            EgressDenied: naming the address.
        """
        self.check_socket(text)
        address = _canonical(ipaddress.ip_address(text.split("%")[0]))
        if not self.allow or self._allow.has_address(address):
            return
        if host is None or not self._allow.has_name(_plain(host)):
            raise EgressDenied(f"connecting to {host or address} is not allowed here: it is not on the allow list")


def _plain(host: str) -> str:
    """A name as it is asked for: what Unicode writes in many ways (full width, other dots) is one name to
    a resolver."""
    if not host.isascii():
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            return host  # nobody can look it up
    return host.lower().rstrip(".")


def _canonical(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one, where there is one (mapped, compatible, 6to4, NAT64, Teredo)."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    embedded = address.ipv4_mapped or address.sixtofour
    if embedded is None and (address in _NAT64 or (address in _V4_COMPATIBLE and int(address) > 1)):
        embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if embedded is None and address.teredo is not None:
        embedded = address.teredo[1]
    return embedded or address


def _is_public(address: Address) -> bool:
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    return address.version == 4 or not any(address in network for network in _NOT_GLOBAL)

"""Addresses in the forms that guests write and read (wapo-abi.md 6.1 and 6.2): those of Rust's ``SocketAddr``."""

import ipaddress
import re
import socket
from typing import Final

__all__ = ["SocketAddress", "format_peer", "is_dns_name", "is_ip_literal", "parse_socket_address"]

SocketAddress = tuple[socket.AddressFamily, tuple[str, int] | tuple[str, int, int, int]]
"""A family, and what ``socket.bind`` and ``connect`` of that family take."""

_V4: Final = re.compile(r"([0-9.]+):([0-9]+)")
_V6: Final = re.compile(r"\[([0-9A-Fa-f:.]+)(?:%([0-9]+))?\]:([0-9]+)")
_LABEL: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_MAX_TEXT: Final = 80
_MAX_NAME: Final = 253


def parse_socket_address(text: str) -> SocketAddress:
    """``1.2.3.4:80`` or ``[::1%2]:80``; no names, no leading zeros in IPv4 parts, a numeric scope.

    Raises:
        ValueError: anything else.
    """
    if len(text) > _MAX_TEXT or not text.isascii():
        raise ValueError("not a socket address")
    if match := _V4.fullmatch(text):
        return socket.AF_INET, (str(ipaddress.IPv4Address(match[1])), _number(match[2], 0xFFFF))
    if match := _V6.fullmatch(text):
        scope = _number(match[2] or "0", 0xFFFFFFFF)
        return socket.AF_INET6, (str(ipaddress.IPv6Address(match[1])), _number(match[3], 0xFFFF), 0, scope)
    raise ValueError("not a socket address")


def _number(text: str, most: int) -> int:
    value = int(text)
    if value > most:
        raise ValueError(f"{text} is above {most}")
    return value


def format_peer(address: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """What ``accept`` tells of a peer: ``1.2.3.4:5678``, ``[2001:db8::1]:5678``, ``[fe80::1%3]:5678``."""
    host, port = address[0].partition("%")[0], address[1]
    if len(address) == 2:
        return f"{host}:{port}"
    scope = address[3]
    return f"[{host}%{scope}]:{port}" if scope else f"[{host}]:{port}"


def is_ip_literal(host: str) -> bool:
    """Whether a host is an address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_dns_name(host: str) -> bool:
    """Whether a host can be a server's name in TLS: ASCII labels of letters, digits, ``-`` and ``_``."""
    name = host.removesuffix(".")
    return 0 < len(name) <= _MAX_NAME and all(_LABEL.fullmatch(label) for label in name.split("."))

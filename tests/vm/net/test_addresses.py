"""Socket addresses as Rust's ``SocketAddr`` reads and writes them."""

import contextlib
import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wapo.vm.net.addresses import format_peer, is_dns_name, parse_socket_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.0.0.0:8080", (socket.AF_INET, ("0.0.0.0", 8080))),
        ("127.0.0.1:0080", (socket.AF_INET, ("127.0.0.1", 80))),
        ("[::]:0", (socket.AF_INET6, ("::", 0, 0, 0))),
        ("[fe80::1%3]:65535", (socket.AF_INET6, ("fe80::1", 65535, 0, 3))),
        ("[::ffff:1.2.3.4]:1", (socket.AF_INET6, ("::ffff:102:304", 1, 0, 0))),
    ],
)
def test_what_is_an_address(text: str, expected: object) -> None:
    assert parse_socket_address(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "localhost:80", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:65536", "127.0.0.01:80", "127.0.0:80",
        "::1:80", "[::1]", "[::1]80", "[::1%eth0]:80", "[::1%4294967296]:80", " 127.0.0.1:80", "127.0.0.1:80 ",
        "127.0.0.1:+8", "127.0.0.1:８０", "1" * 1000,
    ],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_socket_address(text)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_what_is_written_is_read_again(address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int) -> None:
    spelled = (str(address), port) if address.version == 4 else (str(address), port, 0, 0)
    family, parsed = parse_socket_address(format_peer(spelled))  # type: ignore[arg-type]
    assert (family == socket.AF_INET6) == (address.version == 6)
    assert (ipaddress.ip_address(parsed[0]), parsed[1]) == (address, port)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse_socket_address(text)


def test_names_of_tls_servers() -> None:
    for name in ("example.com", "a", "a.b.", "x_y.z", "1.2"):
        assert is_dns_name(name)
    for name in ("", ".", "a..b", "-a", "a-", "a b", "ä", "a" * 64, ".".join(["a" * 60] * 5)):
        assert not is_dns_name(name)

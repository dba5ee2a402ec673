"""TCP and TLS (wapo-abi.md section 6, ids 210 to 215)."""

import socket
from typing import TYPE_CHECKING, Final

from wapo.abi.network import TlsServerConfig, decode_tcp_connect_tls, decode_tcp_listen, decode_tls_listen_sni
from wapo.abi.results import ERR, PENDING, OcallError, OcallFailure, signed
from wapo.scale.primitives import ScaleError, encode_text
from wapo.vm.dialect import Dialect
from wapo.vm.egress import EgressDenied
from wapo.vm.net.accounting import TCP_CONNECT, TLS_CONNECT
from wapo.vm.net.addresses import is_dns_name, is_ip_literal, parse_socket_address
from wapo.vm.net.network import Network
from wapo.vm.net.options import send_at_once
from wapo.vm.net.tls_config import Identity, InvalidTlsConfig
from wapo.vm.net.tls_port import NameTaken, TooManyNames
from wapo.vm.ocalls.core import read_text
from wapo.vm.ocalls.dispatch import Handlers
from wapo.vm.resources.connect import StartTls, TcpConnect, TlsConnect
from wapo.vm.resources.http_server import HttpServer
from wapo.vm.resources.lookup import NameLookup
from wapo.vm.resources.sni import SniSubscription
from wapo.vm.resources.tcp import TcpListener, TcpStream

if TYPE_CHECKING:
    from wapo.vm.guest import Guest

__all__ = ["NETWORK"]

_BACKLOG: Final = 128
_MAX_HOST_BYTES: Final = 253
_MAX_ENCODED_BYTES: Final = 512 << 10
_INVALID: Final = OcallError.INVALID_PARAMETER
_LOG_WARN: Final = 2


def _network(guest: "Guest") -> Network:
    network = guest.services.network
    if network is None:
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
    return network


def _encoded(guest: "Guest", pointer: int, length: int) -> bytes:
    guest.instance.check(pointer, length)
    if length > _MAX_ENCODED_BYTES:
        raise OcallFailure(_INVALID)
    return guest.instance.read(pointer, length)


def tcp_listen(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """210 (6.1): the order of the checks is the specification's, but that TLS settings come before the socket."""
    try:
        text, tls = decode_tcp_listen(_encoded(guest, p0, p1))
    except ScaleError:
        raise OcallFailure(_INVALID) from None
    guest.meter.gas += 1000
    network = _network(guest)
    try:
        family, address = parse_socket_address(text)
    except ValueError:
        raise OcallFailure(_INVALID) from None
    if not network.may_listen_on(address[1]):
        guest.services.log(guest, _LOG_WARN, f"cannot listen on {text}: the port is not open to programs")
        raise OcallFailure(OcallError.FORBIDDEN)
    context = _identity(guest, tls).context() if tls is not None else None
    if not network.budget.take(guest.owner):
        raise OcallFailure(OcallError.RESOURCE_LIMITED)
    try:
        listening = _listen(family, address)
    except OSError as error:
        network.budget.give_back(guest.owner)
        guest.services.log(guest, _LOG_WARN, f"cannot listen on {text}: {error.strerror or error}")
        raise OcallFailure(OcallError.IO_ERROR) from None
    listener = TcpListener(listening, network.budget, guest.owner, context)
    number = guest.table.add(listener)
    if network.on_listen is not None:
        network.on_listen(guest.owner, listener.port)
    return number


def _listen(family: socket.AddressFamily, address: tuple[str, int] | tuple[str, int, int, int]) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        send_at_once(listening)
        listening.bind(address)
        listening.listen(_BACKLOG)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening


def _identity(guest: "Guest", config: TlsServerConfig) -> Identity:
    try:
        identity = Identity.parse(config.certificates, config.key, single=guest.dialect is Dialect.LEGACY)
        identity.context()
    except InvalidTlsConfig as error:
        guest.services.log(guest, _LOG_WARN, f"the TLS settings cannot be used: {error}")
        raise OcallFailure(_INVALID) from None
    return identity


def _accept(guest: "Guest", task: int, waker: int, number: int) -> int | tuple[int, str]:
    """The number of a new connection and its peer, or a result word; releases the waker unless it is kept."""
    guest.meter.gas += 1000
    answer: int | tuple[int, str]
    try:
        result = guest.table.get(number).accept(guest, task, waker)
        answer = (guest.table.add(result[0]), result[1]) if isinstance(result, tuple) else result
    except OcallFailure as failure:
        answer = ERR | failure.code
    if answer != PENDING:
        guest.tasks.release(signed(waker))
    return answer


def tcp_accept(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int | bytes:
    """211: a connection's number, and its peer's address."""
    result = _accept(guest, task, p0, p1)
    if isinstance(result, int):
        return result
    number, peer = result
    return number.to_bytes(4, "little") + encode_text(peer)


def tcp_accept_no_addr(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """212: a connection's number alone."""
    result = _accept(guest, task, p0, p1)
    return result if isinstance(result, int) else result[0]


def _check_host(guest: "Guest", network: Network, host: str) -> None:
    if len(host.encode()) > _MAX_HOST_BYTES:
        raise OcallFailure(_INVALID)
    try:
        network.policy.check_host(host)
    except EgressDenied as error:
        guest.services.log(guest, _LOG_WARN, str(error))
        raise OcallFailure(OcallError.FORBIDDEN) from None


def tcp_connect(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """213: a connector, which does nothing before it is polled."""
    guest.instance.check(p0, p1)
    if p1 > _MAX_ENCODED_BYTES:
        raise OcallFailure(_INVALID)
    host = read_text(guest, p0, p1)
    if p2 > 0xFFFF:
        raise OcallFailure(OcallError.INVALID_ENCODING)
    guest.meter.gas += 1000
    network = _network(guest)
    _check_host(guest, network, host)
    guest.count_outgoing()
    guest.meter.net_egress += TCP_CONNECT
    return guest.table.add(TcpConnect(network, host, p2, guest.owner))


def tcp_connect_tls(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """214: as 213, to a host whose name a certificate can have."""
    try:
        host, port = decode_tcp_connect_tls(_encoded(guest, p0, p1))
    except ScaleError:
        raise OcallFailure(_INVALID) from None
    guest.meter.gas += 1000
    network = _network(guest)
    _check_host(guest, network, host)
    if not is_ip_literal(host) and not is_dns_name(host):
        raise OcallFailure(_INVALID)
    guest.count_outgoing()
    guest.meter.net_egress += TLS_CONNECT
    return guest.table.add(TlsConnect(network, host, port, guest.owner))


def start_tls(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1120: TLS over the TCP stream p0, which is gone then, with a server of the name at ``[p1, p1+p2)``; a connector
    (106), as of 214."""
    guest.instance.check(p1, p2)
    guest.meter.gas += 1000
    network = _network(guest)
    stream = guest.table.get(p0)
    if not isinstance(stream, TcpStream):
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
    if p2 > _MAX_HOST_BYTES:
        raise OcallFailure(_INVALID)
    host = read_text(guest, p1, p2)
    if not is_ip_literal(host) and not is_dns_name(host):
        raise OcallFailure(_INVALID)
    plain = stream.detach()
    guest.table.remove(p0)
    if not network.budget.take(guest.owner):  # others may have waited for the place that has just become free
        plain.close()
        raise OcallFailure(OcallError.RESOURCE_LIMITED)
    guest.meter.net_egress += TLS_CONNECT
    return guest.table.add(StartTls(network, host, guest.owner, plain))


def name_lookup(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1121: a lookup of the name at ``[p0, p0+p1)``, which does nothing before it is polled."""
    guest.instance.check(p0, p1)
    guest.meter.gas += 1000
    if p1 > _MAX_HOST_BYTES:
        raise OcallFailure(_INVALID)
    host = read_text(guest, p0, p1)
    network = _network(guest)
    _check_host(guest, network, host)
    guest.count_outgoing()
    return guest.table.add(NameLookup(network, host, guest.owner))


def tls_listen_sni(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """215 (6.5): a subscription to a server name of the shared TLS port."""
    try:
        name, tls = decode_tls_listen_sni(_encoded(guest, p0, p1))
    except ScaleError:
        raise OcallFailure(_INVALID) from None
    guest.meter.gas += 1000
    network = _network(guest)
    if network.tls_port is None:
        raise OcallFailure(OcallError.FORBIDDEN)
    if not is_dns_name(name):
        raise OcallFailure(_INVALID)
    identity = _identity(guest, tls)
    try:
        if network.settings.verify_sni_certificates:
            network.roots.verify_server(identity, name.lower().removesuffix("."))
        subscription = network.tls_port.subscribe(
            name, identity, guest.owner, guest.services.wants_instance_for_connection(guest)
        )
    except (InvalidTlsConfig, NameTaken) as error:
        guest.services.log(guest, _LOG_WARN, f"{name} cannot be listened on: {error}")
        raise OcallFailure(_INVALID) from None
    except TooManyNames as error:
        guest.services.log(guest, _LOG_WARN, f"{name} cannot be listened on: {error}")
        raise OcallFailure(OcallError.RESOURCE_LIMITED) from None
    guest.meter.gas += 10_000
    return guest.table.add(SniSubscription(subscription, network.budget, guest.owner))


def http_serve(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1210: the host accepts the connections of listener p0 and speaks HTTP/1.1 with the clients. The number is that of
    a channel from now on, whose messages are those of the HTTP channel."""
    guest.meter.gas += 1000
    listener = guest.table.get(p0)
    if not isinstance(listener, TcpListener | SniSubscription):
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
    guest.table.replace(p0, HttpServer(guest, listener))
    return p0


def listener_port(guest: "Guest", task: int, p0: int, p1: int, p2: int, p3: int) -> int:
    """1211: the port of the TCP listener p0, which the system chose if 0 was asked for."""
    listener = guest.table.get(p0)
    if not isinstance(listener, TcpListener):
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)
    return listener.port


NETWORK: Final[Handlers] = {
    210: tcp_listen,
    211: tcp_accept,
    212: tcp_accept_no_addr,
    213: tcp_connect,
    214: tcp_connect_tls,
    215: tls_listen_sni,
    1210: http_serve,
    1211: listener_port,
    1120: start_tls,
    1121: name_lookup,
}

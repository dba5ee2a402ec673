"""Encoded arguments of the network calls (wapo-abi.md 2.7, 4.5). Bytes after the last argument are ignored."""

from dataclasses import dataclass

from wapo.scale.primitives import Reader

__all__ = ["TlsServerConfig", "decode_tcp_connect_tls", "decode_tcp_listen", "decode_tls_listen_sni"]


@dataclass(frozen=True, slots=True)
class TlsServerConfig:
    """PEM texts: certificates, leaf first, and a key."""

    certificates: str
    key: str


def _server_config(reader: Reader) -> TlsServerConfig:
    reader.variant("TlsServerConfig", 1)
    return TlsServerConfig(reader.text(), reader.text())


def decode_tcp_listen(data: bytes) -> tuple[str, TlsServerConfig | None]:
    """210: the address, and the TLS settings if there are any.

    Raises:
        ScaleError.
    """
    reader = Reader(data)
    return reader.text(), _server_config(reader) if reader.option() else None


def decode_tcp_connect_tls(data: bytes) -> tuple[str, int]:
    """214: host and port.

    Raises:
        ScaleError.
    """
    reader = Reader(data)
    host, port = reader.text(), reader.unsigned(2)
    reader.variant("TlsClientConfig", 1)
    return host, port


def decode_tls_listen_sni(data: bytes) -> tuple[str, TlsServerConfig]:
    """215: the server name and its TLS settings.

    Raises:
        ScaleError.
    """
    reader = Reader(data)
    return reader.text(), _server_config(reader)

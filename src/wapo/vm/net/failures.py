"""Why a connection could not be made, in one clean sentence for who asked for it."""

import os
import socket
import ssl

from wapo.vm.egress import EgressDenied

__all__ = ["connect_failure", "tls_failure"]


def connect_failure(error: OSError, host: str, port: int) -> str:
    """Of a connection to a name or an address, with or without TLS."""
    if isinstance(error, EgressDenied):
        return str(error)
    if isinstance(error, ssl.SSLError):
        return tls_failure(error, host) or f"{host}:{port} closed the connection in its TLS handshake"
    if isinstance(error, socket.gaierror):
        return f"the name {host} cannot be resolved"
    if isinstance(error, TimeoutError):
        return "the connection timed out"
    return f"cannot connect to {host}:{port}: {os.strerror(error.errno) if error.errno else error}"


def tls_failure(error: OSError | ValueError, host: str) -> str | None:
    """Of a TLS handshake; None if it was no matter of TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {host} is not valid: {error.verify_message}"
    if isinstance(error, ssl.SSLEOFError) or not isinstance(error, ssl.SSLError):
        return None
    return f"no TLS with {host}: {error.reason or error}"

"""TLS over a socket that is connected already."""

import socket
import ssl

__all__ = ["wrap"]


def wrap(connected: socket.socket, context: ssl.SSLContext, server_name: str | None = None) -> ssl.SSLSocket:
    """Begins TLS, whose handshake is still to come. The socket is closed if that is not possible.

    Args:
        server_name: whom the client's side wants to talk to; None: this is the server's side.

    Raises:
        OSError: the peer has gone already.
        ValueError: the name is none that OpenSSL takes.
    """
    try:
        connected.getpeername()  # the library loses the socket of a peer that has gone
        return context.wrap_socket(
            connected, server_side=server_name is None, server_hostname=server_name, do_handshake_on_connect=False,
            suppress_ragged_eofs=False,
        )  # fmt: skip
    except (OSError, ValueError):
        connected.close()
        raise

"""What is set on every socket of a guest, which cannot set anything itself."""

import socket

__all__ = ["send_at_once"]


def send_at_once(connection: socket.socket) -> None:
    """Switches Nagle's algorithm off, for a connection or for all that a listener accepts (Linux hands it on).

    With it, an answer that is written in two pieces waits for the peer's delayed acknowledgement in between: 40 ms. The
    original left it on (wapo-abi.md 6.4); Deno, Node and asyncio do not.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

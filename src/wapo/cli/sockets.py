"""The sockets that a node listens on."""

import socket
from dataclasses import dataclass

__all__ = ["Sockets"]


@dataclass(frozen=True, slots=True)
class Sockets:
    """What a node listens on. ``admin`` and ``user`` are the apps' listeners, where there are any; ``tls`` their shared
    TLS port, where it is open before there is a process for the apps."""

    gateway: socket.socket
    admin: socket.socket | None = None
    user: socket.socket | None = None
    tls: socket.socket | None = None

"""What network events count beside their payload, in bytes (wapo-abi.md 8.1)."""

from typing import Final

__all__ = [
    "ACCEPT_INGRESS", "SHUTDOWN_EGRESS", "SNI_ACCEPT", "TCP_CONNECT", "TLS_ACCEPT", "TLS_CONNECT",
]  # fmt: skip

ACCEPT_INGRESS: Final = 128
SHUTDOWN_EGRESS: Final = 128
#: Egress at the call, ingress when it has been done.
TCP_CONNECT: Final = 512
TLS_CONNECT: Final = 4096
#: Each way.
TLS_ACCEPT: Final = 1024
SNI_ACCEPT: Final = 1024

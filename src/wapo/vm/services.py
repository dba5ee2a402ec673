"""What a guest may ask of the node it runs on. The defaults are those of the original's standalone runner."""

from typing import TYPE_CHECKING

from wapo.vm.egress import EgressPolicy

if TYPE_CHECKING:
    from wapo.vm.guest import Guest
    from wapo.vm.http_client import HttpClient

__all__ = ["LogLevel", "Services"]

LogLevel = int
"""1 error, 2 warn, 3 info, 4 debug, 5 trace (wapo-abi.md 4.2)."""


class Services:
    """Override what the node has. Called on the event loop's thread, from inside a guest's call: nothing may block."""

    #: Shared by all guests of a process, so that a fresh machine need not mean a fresh TLS handshake.
    http_client: "HttpClient | None" = None
    egress: EgressPolicy = EgressPolicy()

    def log(self, guest: "Guest", level: LogLevel, text: str) -> None:
        """A line (or several) of the guest's log."""

    def app_address(self, guest: "Guest") -> bytes:
        """32 bytes that name the program."""
        return bytes(32)

    def derive_secret(self, guest: "Guest", path: bytes) -> bytes:
        """64 bytes that depend on the node's key, the program and ``path`` only."""
        return bytes(64)

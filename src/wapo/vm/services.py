"""What a guest may ask of the node it runs on. The defaults are those of the original's standalone runner."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wapo.abi.results import OcallError, OcallFailure
from wapo.engine.suspension import Suspension
from wapo.vm.egress import EgressPolicy
from wapo.vm.local_cache import LocalCache

if TYPE_CHECKING:
    from wapo.vm.credentials.credential import Credentials
    from wapo.vm.guest import Guest
    from wapo.vm.http_client import HttpClient
    from wapo.vm.net.network import Network
    from wapo.vm.resources.base import Resource

__all__ = ["IsolateRequest", "LogLevel", "Services"]

LogLevel = int
"""1 error, 2 warn, 3 info, 4 debug, 5 trace (wapo-abi.md 4.2)."""

#: Sequence number, session and nonce of zeros: a metrics token where there is no session.
NO_METRICS_TOKEN = bytes(8 + 32 + 32)


@dataclass(frozen=True, slots=True)
class IsolateRequest:
    """JavaScript to be run in a machine of its own.

    Attributes:
        memory_bytes, time_s: limits of its own; None: those of whoever starts it.
        code: 32 bytes that name the code, for the secrets that it may derive.
        text: what the engine is told, which is the engine's own business.
    """

    memory_bytes: int | None
    time_s: float | None
    code: bytes
    text: bytes


class Services:
    """Override what the node has. Called on the event loop's thread, from inside a guest's call: nothing may block.

    What takes longer answers with a ``Suspension``, completed later with the value or with an ``OcallFailure``.
    """

    #: Shared by all guests of a process, so that a fresh machine need not mean a fresh TLS handshake.
    http_client: "HttpClient | None" = None
    #: Raw connections, likewise; None: the calls are unsupported.
    network: "Network | None" = None
    egress: EgressPolicy = EgressPolicy()

    def log(self, guest: "Guest", level: LogLevel, text: str) -> None:
        """A line (or several) of the guest's log."""

    def app_address(self, guest: "Guest") -> bytes:
        """32 bytes that name the program."""
        return bytes(32)

    def derive_secret(self, guest: "Guest", path: bytes) -> bytes:
        """64 bytes that depend on the node's key, the program and ``path`` only."""
        return bytes(64)

    def credentials(self, guest: "Guest") -> "Credentials | None":
        """What the host puts on the guest's requests."""
        return None

    def worker_public_key(self) -> bytes:
        """32 bytes, sr25519."""
        return bytes(32)

    def sign(self, guest: "Guest", data: bytes) -> Suspension:
        """The worker's signature over the app's address and ``data``: 64 bytes, or none at all."""
        return Suspension.of(b"")

    def quote(self, guest: "Guest", data: bytes) -> Suspension:
        """An attestation quote over the app's address and ``data``; None where there is no hardware for it."""
        return Suspension.of(None)

    def gas_consumed(self, guest: "Guest") -> tuple[int, bytes]:
        """The gas of the whole app, and an encoded metrics token (72 bytes)."""
        return 0, NO_METRICS_TOKEN

    def blob(self, guest: "Guest", name: str) -> Suspension:
        """The content of a blob, ``algorithm:hex``. Fails with ``NOT_FOUND`` or ``IO_ERROR``."""
        suspension = Suspension()
        suspension.complete(error=OcallFailure(OcallError.NOT_FOUND))
        return suspension

    def read_boot_data(self, guest: "Guest") -> Suspension:
        """The app's record, or None. Fails with ``IO_ERROR``."""
        return Suspension.of(None)

    def write_boot_data(self, guest: "Guest", record: bytes) -> Suspension:
        """Replaces the app's record; complete when it is durable. Fails with ``IO_ERROR``."""
        suspension = Suspension()
        suspension.complete(error=OcallFailure(OcallError.IO_ERROR))
        return suspension

    def try_lock(self, guest: "Guest", name: str) -> bool:
        """Takes a named lock that all instances of an app share, without waiting."""
        return True

    def unlock(self, guest: "Guest", name: str) -> bool:
        """Gives a lock back; False if this instance does not hold it."""
        return True

    def local_cache(self, guest: "Guest") -> LocalCache | None:
        """The predecessor's cache of the app; None: its calls are unknown."""
        return None

    def open_isolate(self, guest: "Guest", request: IsolateRequest) -> "Resource":
        """A machine that runs what a guest wants run, as a resource of the guest, which is closed with it.

        Raises:
            OcallFailure: 8 there are none here, 10 too many.
        """
        raise OcallFailure(OcallError.UNSUPPORTED_OPERATION)

    def wants_instance_for_connection(self, guest: "Guest") -> Callable[[], None] | None:
        """How to ask for another instance of the guest's app for a connection to the shared TLS port; None where its
        instances share the connections."""
        return None

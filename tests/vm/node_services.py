"""What a guest may ask of a node, for tests of guests without a node: the node's own services over real keys and files,
with one app on them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from wapo.node.apps.blobs import BlobName, BlobStore
from wapo.node.apps.boot_data import BootDataStore
from wapo.node.apps.locks import AppLocks
from wapo.node.apps.services import AppServices
from wapo.trust.attestation.provider import NoAttestation
from wapo.trust.worker_key import WorkerKey
from wapo.vm.egress import EgressPolicy
from wapo.vm.local_cache import LocalCache
from wapo.vm.net.network import Network

__all__ = ["ADDRESS", "NodeServices", "OneApp"]

ADDRESS = bytes(range(32))


class OneApp:
    """What the services look at of an app; as a guest's session it stands for its instance, too."""

    reuse_instances = True
    start_for_connection: Callable[[], None]

    def __init__(self, address: bytes = ADDRESS, cache: LocalCache | None = None) -> None:
        self.app = self
        self.address = address
        self.locks = AppLocks()
        self.local_cache = cache or LocalCache()
        self.lines: list[tuple[int, str]] = []

    def log(self, level: int, text: str) -> None:
        self.lines.append((level, text))


class NodeServices(AppServices):
    """A worker's key and its folder of blobs. Give guests a :class:`OneApp` as their session."""

    def __init__(self, folder: Path, network: Network | None = None) -> None:
        self.worker = WorkerKey.from_seed(bytes(32))
        self.blobs = BlobStore(folder)
        nothing: Any = None
        super().__init__(
            worker=self.worker, session=nothing, blobs=self.blobs, boot_data=BootDataStore(folder, self.worker),
            network=network or Network(EgressPolicy(), nothing), http_client=nothing, quotes=NoAttestation(),
        )  # fmt: skip

    def put(self, content: bytes, algorithm: str = "sha256") -> str:
        """Stores a blob; its name."""
        return str(self.blobs.put(BlobName(algorithm, ""), content))

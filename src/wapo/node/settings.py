"""What an operator decides about a node."""

import os
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from wapo.errors import HostError
from wapo.node.apps.settings import WorkerSettings
from wapo.node.limits import AgentLimits
from wapo.trust.attestation.provider import AttestationProvider
from wapo.vm.egress import EgressPolicy

__all__ = ["DataDirUnusable", "NodeSettings", "ReceiptPolicy", "default_cache_dir", "default_data_dir"]

#: Public trustless gateways (https://docs.ipfs.tech/reference/http/gateway/), asked in this order.
PUBLIC_UPSTREAMS = ("https://trustless-gateway.link", "https://ipfs.io", "https://dweb.link")


def default_data_dir() -> Path:
    """``$WAPO_DATA_DIR``, else ``wapo`` where the user's applications keep data (XDG Base Directory)."""
    chosen = os.environ.get("WAPO_DATA_DIR")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "wapo"


def default_cache_dir() -> Path:
    """``wapo`` where the user's applications keep what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wapo"


class DataDirUnusable(HostError):
    """The data directory cannot be made or written."""

    code = "data_dir_unusable"


class ReceiptPolicy(StrEnum):
    """Which responses of agents get a receipt: none, those that the caller wants one of, all."""

    OFF = "off"
    ASKED = "asked"
    ALWAYS = "always"


@dataclass(frozen=True)
class NodeSettings:
    """Settings of one node.

    Attributes:
        data_dir: keys, database, content. Made with mode 0700.
        cache_dir: compiled modules, and images that are not in memory.
        upstreams: trustless gateways to fetch programs from; empty: local content only.
        public_logs: whether anybody may read any program's logs.
        local_file: the program behind ``/local``, read anew at each request.
        image_bytes: memory that images of agents may take.
        cold_image_bytes: disk that those may take, in ``cache_dir``, which are not used at the moment.
        worker: settings of the worker that runs WebAssembly apps; None: this process runs none.
        node_memory_bytes: memory of all machines together; None: as much of the machine's as leaves room for the rest.
        attestation: what attests, and may have the root key; None: nothing attests, and the key is where the data
            directory has it from, for commands beside a node.
        receipts: which responses get one.
        content_bytes: disk that fetched programs may take; what was published here stays all the same.
    """

    data_dir: Path = field(default_factory=default_data_dir)
    cache_dir: Path = field(default_factory=default_cache_dir)
    limits: AgentLimits = field(default_factory=AgentLimits)
    egress: EgressPolicy = field(default_factory=EgressPolicy)
    extra_roots: tuple[str, ...] = ()
    upstreams: tuple[str, ...] = PUBLIC_UPSTREAMS
    public_logs: bool = False
    local_file: Path | None = None
    max_machines: int | None = None
    image_bytes: int = 1 << 30
    cold_image_bytes: int = 4 << 30
    node_memory_bytes: int | None = None
    content_bytes: int = 10 << 30
    worker: WorkerSettings | None = None
    attestation: AttestationProvider | None = None
    receipts: ReceiptPolicy = ReceiptPolicy.ASKED

    def make_data_dir(self) -> Path:
        """Makes the data directory if need be, readable by its owner only.

        Raises:
            DataDirUnusable: it cannot be made, or something else is there.
        """
        return _made(self.data_dir, 0o700)

    def make_cache_dir(self) -> Path:
        """As :meth:`make_data_dir`, for the cache."""
        return _made(self.cache_dir, 0o777)


def _made(path: Path, mode: int) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
    except FileExistsError:
        raise DataDirUnusable(f"{path} is not a directory") from None
    except OSError as error:
        raise DataDirUnusable(f"the directory {path} cannot be made: {error.strerror}") from None
    return path

"""Who can attest: one interface, whatever the TEE, and the provider of a machine that has none."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from wapo.errors import HostError

__all__ = [
    "KINDS",
    "REPORT_DATA_BYTES",
    "ROOT_BYTES",
    "AttestationProvider",
    "Evidence",
    "Kind",
    "NoAttestation",
    "QuoteFailed",
    "check_report_data",
]

Kind = Literal["none", "dstack", "tdx", "sgx"]

KINDS: Final[tuple[Kind, ...]] = ("none", "dstack", "tdx", "sgx")
ROOT_BYTES: Final = 32
REPORT_DATA_BYTES: Final = 64


class QuoteFailed(HostError):
    """The machine has a TEE, and yet no quote, or no key, could be had from it."""

    code = "quote_failed"


@dataclass(frozen=True)
class Evidence:
    """What a TEE gives.

    Attributes:
        quote: DCAP, as the hardware interface gave it.
        event_log: JSON of what extended the RTMRs, where there is one (dstack); it is worth what the RTMRs say.
    """

    quote: bytes
    event_log: str | None = None


class AttestationProvider(Protocol):
    """Makes quotes of the machine that it runs on. Methods block while the hardware answers, so they are called from
    threads, perhaps from several at once."""

    @property
    def kind(self) -> Kind:
        """What attests. Shown to people and returned by RPC."""

    @property
    def writable(self) -> Sequence[Path]:
        """What a process behind the wall must be able to write for it."""

    def prepare(self) -> None:
        """Does what cannot be done behind the wall.

        Raises:
            QuoteFailed.
        """

    def evidence(self, report_data: bytes) -> Evidence | None:
        """A quote over 64 bytes, and what belongs to it; None if this machine cannot attest anything.

        Raises:
            QuoteFailed: it should have worked.
        """

    def quote(self, report_data: bytes) -> bytes | None:
        """As :meth:`evidence`, the quote alone (ocall 252, a worker's registration)."""

    def root_key(self) -> bytes | None:
        """32 bytes from the TEE's key service, the same wherever this deployment runs; None where there is none.

        Raises:
            QuoteFailed: it should have worked.
        """

    def close(self) -> None:
        """Ends what :meth:`prepare` has begun."""


class NoAttestation:
    """The provider of a machine without a TEE: it says so, and nothing can make it say more."""

    kind: Final = "none"
    writable: Final[Sequence[Path]] = ()

    def prepare(self) -> None:
        """Nothing."""

    def evidence(self, report_data: bytes) -> None:
        """None: nobody sees a made-up quote."""

    def quote(self, report_data: bytes) -> None:
        """None: guests see an absent quote, never a made-up one."""

    def root_key(self) -> None:
        """None: the key is in a file."""

    def close(self) -> None:
        """Nothing."""


def check_report_data(report_data: bytes) -> None:
    """That it has 64 bytes: a shorter one would be filled up in whichever way the hardware interface likes."""
    if len(report_data) != REPORT_DATA_BYTES:
        raise ValueError(f"report data have {REPORT_DATA_BYTES} bytes, not {len(report_data)}")

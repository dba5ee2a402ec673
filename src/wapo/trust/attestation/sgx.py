"""The provider for SGX under Gramine, through its pseudo-files in ``/dev/attestation``.

Writing ``user_report_data`` and reading ``quote`` are two steps of one request. Gramine's sealing keys
(``keys/_sgx_mrenclave``) are the processor's and do not move with a deployment, so the root key stays in its file,
which the manifest has to put on an encrypted mount (docs/trust.md).
"""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from wapo.trust.attestation.provider import Evidence, QuoteFailed, check_report_data

__all__ = ["DEVICE", "Sgx"]

DEVICE: Final = Path("/dev/attestation")
_DCAP: Final = "dcap"
_MOST_BYTES: Final = 64 << 10


class Sgx:
    """Args:
    device: Gramine's directory.
    """

    kind: Final = "sgx"

    def __init__(self, device: Path = DEVICE) -> None:
        self._device = device
        self._asking = threading.Lock()

    @property
    def writable(self) -> Sequence[Path]:
        """The pseudo-files."""
        return (self._device,)

    def prepare(self) -> None:
        """Nothing."""

    def evidence(self, report_data: bytes) -> Evidence:
        """Of this enclave."""
        check_report_data(report_data)
        try:
            kind = (self._device / "attestation_type").read_text().strip("\0\n ")
            if kind != _DCAP:
                raise QuoteFailed(f"this enclave attests by {kind}; sgx.remote_attestation = 'dcap' is needed")
            with self._asking:
                (self._device / "user_report_data").write_bytes(report_data)
                with (self._device / "quote").open("rb") as file:
                    quote = file.read(_MOST_BYTES + 1)
        except OSError as error:
            raise QuoteFailed(f"Gramine gives no quote ({self._device}): {error.strerror}") from error
        if not 0 < len(quote) <= _MOST_BYTES:
            raise QuoteFailed(f"Gramine has given {len(quote)} bytes, which are no quote")
        return Evidence(quote)

    def quote(self, report_data: bytes) -> bytes:
        """The quote alone."""
        return self.evidence(report_data).quote

    def root_key(self) -> None:
        """None: an enclave's sealing keys are its processor's."""

    def close(self) -> None:
        """Nothing."""

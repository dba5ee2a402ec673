"""The provider for TDX, through the kernel's report interface (configfs-tsm, Linux 6.7 and newer).

A directory that is made under ``/sys/kernel/config/tsm/report`` is a request: 64 bytes into ``inblob``, the quote out
of ``outblob``; ``generation`` counts writes, so that whoever shares it notices
(Documentation/ABI/testing/configfs-tsm).
"""

import contextlib
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from wapo.trust.attestation.provider import Evidence, QuoteFailed, check_report_data

__all__ = ["REPORTS", "Tdx"]

REPORTS: Final = Path("/sys/kernel/config/tsm/report")
_PROVIDER: Final = "tdx_guest"
_MOST_BYTES: Final = 64 << 10


class Tdx:
    """Args:
    reports: where requests are made.
    """

    kind: Final = "tdx"

    def __init__(self, reports: Path = REPORTS) -> None:
        self._reports = reports
        self._asking = threading.Lock()

    @property
    def writable(self) -> Sequence[Path]:
        """Where requests are made."""
        return (self._reports,)

    def prepare(self) -> None:
        """Nothing."""

    def evidence(self, report_data: bytes) -> Evidence:
        """Of this trust domain."""
        check_report_data(report_data)
        # Of this process alone; one that is there was left by an earlier process of that number.
        entry = self._reports / f"wapo-{os.getpid()}"
        try:
            with self._asking:
                with contextlib.suppress(FileExistsError):
                    entry.mkdir(mode=0o700)
                try:
                    return Evidence(_report(entry, report_data))
                finally:
                    with contextlib.suppress(OSError):
                        entry.rmdir()
        except OSError as error:
            raise QuoteFailed(f"the kernel gives no quote ({entry}): {error.strerror}") from error

    def quote(self, report_data: bytes) -> bytes:
        """The quote alone."""
        return self.evidence(report_data).quote

    def root_key(self) -> None:
        """None: TDX has no key service of its own."""

    def close(self) -> None:
        """Nothing."""


def _report(entry: Path, report_data: bytes) -> bytes:
    provider = (entry / "provider").read_text().strip()
    if provider != _PROVIDER:
        raise QuoteFailed(f"the kernel's reports are {provider}'s here; {_PROVIDER} is needed")
    before = int((entry / "generation").read_text())
    (entry / "inblob").write_bytes(report_data)
    with (entry / "outblob").open("rb") as file:
        quote = file.read(_MOST_BYTES + 1)
    after = int((entry / "generation").read_text())
    if after != before + 1:
        raise QuoteFailed("somebody else has used this process's request for a quote at the same time")
    if not 0 < len(quote) <= _MOST_BYTES:
        raise QuoteFailed(f"the kernel has given {len(quote)} bytes, which are no quote")
    return quote

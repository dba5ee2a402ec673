"""Attestation quotes (node-and-gateway 5.5): what a quote is bound to, and who can make one.

A quote carries 64 bytes of the host's choice, its *report data*: here a 32-byte hash and 32 zero bytes. Through them it
speaks about a worker's registration, or about data of one app; what it says of the node itself is longer
(:mod:`wapo.trust.attestation.report_data`), so that none of these passes for another. Making the quote is the business
of a provider (:mod:`wapo.trust.attestation.provider`).
"""

import hashlib
from typing import Protocol

from wapo.trust.app_data import app_data_message
from wapo.trust.domains import ContentType, domain_message
from wapo.trust.keccak import keccak256

__all__ = [
    "QuoteProvider",
    "app_report_data",
    "registration_report_data",
]


class QuoteProvider(Protocol):
    """Makes quotes of the machine that it runs on: as much of a provider as apps need."""

    @property
    def kind(self) -> str:
        """What attests: ``none``, ``sgx``, ``tdx``. Shown to people and returned by RPC."""

    def quote(self, report_data: bytes) -> bytes | None:
        """The quote over 64 bytes; None if this machine cannot attest anything.

        May block while the hardware answers, so it is called from a thread.

        Raises:
            QuoteFailed: it should have worked.
        """


def registration_report_data(encoded_info: bytes) -> bytes:
    """For a worker's registration: over the SCALE bytes of ``WorkerRegistrationInfoV2``, without prefix."""
    return hashlib.blake2b(encoded_info, digest_size=32).digest() + bytes(32)


def app_report_data(app: bytes, data: bytes) -> bytes:
    """For an app's ``sgx_quote`` (ocall 252): Keccak-256 of what ``sign`` would sign.

    Raises:
        AppDataTooLarge: more than 8 MiB.
    """
    return keccak256(domain_message(ContentType.APP_DATA, app_data_message(app, data))) + bytes(32)

"""Which TEE this machine has, as far as a process can tell. Whether it is a real one, its quotes tell
(:mod:`wapo.trust.attestation.genuine`)."""

import os
from dataclasses import dataclass
from typing import Final, Literal

from wapo.errors import CallerError
from wapo.trust.attestation import dstack, sgx, tdx
from wapo.trust.attestation.provider import AttestationProvider, Kind, NoAttestation

__all__ = ["CHOICES", "Choice", "Found", "TeeNotFound", "choose", "detect", "provider_of"]

Choice = Literal["auto", "none", "dstack", "tdx", "sgx"]

CHOICES: Final[tuple[Choice, ...]] = ("auto", "none", "dstack", "tdx", "sgx")


class TeeNotFound(CallerError):
    """The operator wants a TEE to attest that this machine does not have, or that this user may not ask."""

    code = "tee_not_found"


@dataclass(frozen=True)
class Found:
    """What there is of one kind.

    Attributes:
        usable: whether this process may ask it.
        text: what was found, or why it cannot be used; a phrase for a person.
    """

    kind: Kind
    usable: bool
    text: str


def provider_of(kind: Kind) -> AttestationProvider:
    """The provider of that kind, where such a TEE usually is."""
    if kind == "dstack":
        return dstack.Dstack(dstack.endpoint())
    if kind == "tdx":
        return tdx.Tdx()
    if kind == "sgx":
        return sgx.Sgx()
    return NoAttestation()


def detect() -> list[Found]:
    """What this machine has, the most able first: dstack has a key service, too."""
    return [found for found in (_dstack(), _sgx(), _tdx()) if found is not None]


def choose(choice: Choice) -> Kind:
    """What is to attest.

    Raises:
        TeeNotFound: what the operator wants is not there.
    """
    if choice == "none":
        return "none"
    found = [one for one in detect() if choice in ("auto", one.kind)]
    for one in found:
        if one.usable:
            return one.kind
    if choice == "auto":
        return "none"
    raise TeeNotFound(f"--attestation {choice}: {found[0].text if found else _MISSING[choice]}")


_MISSING: Final = {
    "dstack": f"no guest agent of dstack is here ({', '.join(dstack.SOCKETS)}), and {dstack.SIMULATOR} is not set",
    "tdx": f"the kernel has no {tdx.REPORTS}: it takes a TDX guest with Linux 6.7 or newer, and configfs mounted",
    "sgx": f"there is no {sgx.DEVICE}: it takes Gramine, with sgx.remote_attestation = 'dcap'",
}


def _dstack() -> Found | None:
    where = dstack.endpoint()
    if where is None:
        return None
    if where.startswith("/") and not os.access(where, os.R_OK | os.W_OK):
        return Found("dstack", False, f"{where} is closed to this user, or is not there")
    return Found("dstack", True, f"dstack's guest agent at {where}")


def _sgx() -> Found | None:
    if not (sgx.DEVICE / "quote").exists():
        return None
    return Found("sgx", True, f"Gramine's {sgx.DEVICE}")


def _tdx() -> Found | None:
    if not tdx.REPORTS.is_dir():
        return None
    if not os.access(tdx.REPORTS, os.W_OK | os.X_OK):
        return Found("tdx", False, f"{tdx.REPORTS} is closed to this user")
    return Found("tdx", True, f"the kernel's {tdx.REPORTS}")

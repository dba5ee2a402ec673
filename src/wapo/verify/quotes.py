"""A quote, verified: is it real hardware, up to date, and does it run what it should."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from wapo.lazy import library
from wapo.trust.attestation.genuine import INTEL_ROOT_SHA256, NotGenuine, check_genuine
from wapo.trust.attestation.measurements import ParsedQuote, parse_quote
from wapo.verify.collateral import Collateral
from wapo.verify.policy import Policy
from wapo.verify.steps import Step, step_of

if TYPE_CHECKING:
    import dcap_qvl
else:
    dcap_qvl = library("dcap_qvl")

__all__ = ["INTEL", "Root", "verify_quote"]

#: Names that the library has for what is measured, where they are others than ours.
_COMPARED: Final = {"mr_td", "mr_enclave", "mr_signer", "mr_seam", "rt_mr0", "rt_mr1", "rt_mr2", "rt_mr3"}


@dataclass(frozen=True)
class Root:
    """Whose platforms are trusted.

    Attributes:
        sha256: of the root's certificate, in hex.
        der: the certificate, where it is another than Intel's; then verdicts say so.
    """

    sha256: str = INTEL_ROOT_SHA256
    der: bytes | None = None


INTEL: Final = Root()


def verify_quote(
    quote: bytes,
    collateral: bytes | None,
    at: datetime,
    policy: Policy,
    events: Mapping[str, str] | None = None,
    root: Root = INTEL,
) -> list[Step]:
    """Steps from the hardware to the software.

    Args:
        collateral: what Intel says about the platform; None: nobody has it.
        at: when everything must be right.
        events: of dstack's log, verified (:mod:`wapo.verify.events`).
    """
    parsed: ParsedQuote | None = None

    def genuine() -> str:
        nonlocal parsed
        found = parse_quote(quote)
        check_genuine(found, root.sha256)
        parsed = found
        whose = "Intel vouches" if root.sha256 == INTEL.sha256 else "a root that is not Intel's vouches"
        return f"signed by a real {found.tee.upper()} platform, as {whose}"

    steps = [step_of("hardware", genuine)]
    if parsed is None:
        return steps
    quoted = parsed
    if quoted.debug:
        text = "it runs in debug mode, where whoever has the machine may look into it and change it"
        return [*steps, Step("debug mode", "failed", text)]
    if collateral is None:
        text = "nobody has said whether this platform is up to date or revoked: collateral is missing"
        steps.append(Step("platform", "open", text))
    else:
        given = collateral
        steps.append(step_of("platform", lambda: _platform(quoted, quote, given, at, policy, root)))
    return [*steps, *policy.check_software(quoted, events or {})]


def _platform(quoted: ParsedQuote, quote: bytes, data: bytes, at: datetime, policy: Policy, root: Root) -> Step:
    collateral = Collateral(data)
    ends = collateral.check(at, quoted.chain.decode("latin-1"), root.sha256)
    if collateral.tcb_evaluation < policy.min_tcb_evaluation:
        raise NotGenuine(
            f"the collateral is of Intel's evaluation {collateral.tcb_evaluation}; "
            f"at least {policy.min_tcb_evaluation} is demanded"
        )
    seconds = int(at.timestamp())
    try:
        given = dcap_qvl.QuoteCollateralV3.from_json(collateral.text)
        if root.der is None:
            report = dcap_qvl.verify(quote, given, seconds)
        else:
            report = dcap_qvl.verify_with_root_ca(quote, given, root.der, seconds)
    except ValueError as error:
        raise NotGenuine(f"the quote is refused: {' '.join(str(error).split())}") from None
    _compare(quoted, json.loads(report.to_json()))
    return _judged(report.status, list(report.advisory_ids), policy, ends)


def _judged(status: str, advisories: list[str], policy: Policy, ends: datetime) -> Step:
    evidence: dict[str, Any] = {"status": status, "advisories": advisories, "valid_until": f"{ends:%Y-%m-%dT%H:%M:%SZ}"}
    named = f"{status}, {', '.join(advisories)}" if advisories else status
    if status not in policy.tcb_statuses:
        text = f"Intel says of this platform: {named}; the policy allows {_list(policy.tcb_statuses)}"
        return Step("platform", "failed", text, evidence)
    strange = [one for one in advisories if one not in policy.allowed_advisories]
    if strange:
        text = f"Intel says of this platform: {named}; the policy does not put up with {_list(strange)}"
        return Step("platform", "failed", text, evidence)
    return Step("platform", "ok", f"not revoked, and as Intel says: {named}", evidence)


def _list(texts: Iterable[str]) -> str:
    return ", ".join(texts) or "nothing"


def _compare(quoted: ParsedQuote, report: dict[str, Any]) -> None:
    """That the library has verified what was read here."""
    found: dict[str, Any] = next(iter(report["report"].values()))
    found = found.get("base", found)
    wrong = [name for name in _COMPARED & quoted.measured.keys() if found.get(name) != quoted.measured[name]]
    if wrong or found.get("report_data") != quoted.report_data.hex():
        raise NotGenuine(f"two readers of the quote disagree about {', '.join(wrong) or 'its report data'}")

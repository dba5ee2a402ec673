"""A node's attestation with a platform of the test's own, and policies that fit."""

import json
from typing import Any

from tests.trust.attestation.platform import Hardware, Platform
from wapo.node.attestation import Attestor
from wapo.trust.attestation.measurements import parse_quote
from wapo.trust.attestation.provider import AttestationProvider, NoAttestation
from wapo.trust.identity import NodeIdentity
from wapo.trust.keys import NodeKeys
from wapo.verify.policy import Policy
from wapo.verify.quotes import Root

NONCE = bytes(range(32))
IDENTITY = NodeIdentity(NodeKeys(b"r" * 32))


def root_of(platform: Platform) -> Root:
    return Root(platform.root_sha256, platform.root_der)


async def attested(
    platform: Platform | None = None, nonce: bytes = NONCE, provider: AttestationProvider | None = None, **measured: str
) -> dict[str, Any]:
    """What ``GET /attestation`` answers."""
    root = platform.root_sha256 if platform is not None else ""
    chosen = provider or (Hardware(platform, **measured) if platform is not None else NoAttestation())
    answer: dict[str, Any] = json.loads(
        json.dumps(await Attestor(chosen, lambda: IDENTITY, root_sha256=root).attest(nonce))
    )
    return answer


def policy_of(quote: bytes, **more: Any) -> Policy:
    """One that names what that quote measures."""
    parsed = parse_quote(quote)
    names = ("mr_td", "rt_mr1", "rt_mr2", "rt_mr3") if parsed.tee == "tdx" else ("mr_enclave",)
    lines = [f'{name} = ["{parsed.measured[name]}"]' for name in names]
    top = "\n".join(f"{name} = {json.dumps(value)}" for name, value in more.items())
    return Policy.parse("\n".join([top, f"[{parsed.tee}]", *lines]))


SGX_POLICY = {
    "tcb_statuses": ["ConfigurationAndSWHardeningNeeded"],
    "allowed_advisories": ["INTEL-SA-00289", "INTEL-SA-00615"],
}

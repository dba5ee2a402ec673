"""What does an attestation cost a node beside the hardware's own time, and a verification whoever makes it?

A node without a TEE; one with a provider that has a quote at once (a real one, so every signature on it is checked as of
the node's own); and a real quote verified with saved collateral. The quotes are those of WAPO_QUOTES.
"""

import asyncio
import os
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness import ROOT, options, quantiles, report

from wapo.node.attestation import Attestor
from wapo.trust.attestation.provider import Evidence, NoAttestation
from wapo.trust.identity import NodeIdentity
from wapo.trust.keys import NodeKeys
from wapo.verify.policy import Policy
from wapo.verify.quotes import verify_quote

QUOTES = Path(os.environ.get("WAPO_QUOTES", ROOT.parent / "shared" / "data" / "quotes"))
AT = datetime(2025, 6, 19, 11, 16, 3, tzinfo=UTC)


class AtOnce(NoAttestation):
    """Hardware that takes no time."""

    kind = "tdx"  # type: ignore[assignment]

    def __init__(self, quote: bytes) -> None:
        self._quote = quote

    def evidence(self, report_data: bytes) -> Evidence:  # type: ignore[override]
        return Evidence(self._quote)


def timed(work: Callable[[], Any], times: int) -> list[float]:
    """CPU seconds of each."""
    found = []
    for _ in range(times):
        begin = time.process_time()
        work()
        found.append(time.process_time() - begin)
    return found


def main() -> None:
    parsed = options(__doc__)
    times = 20 if parsed.quick else 500
    quote, collateral = ((QUOTES / name).read_bytes() for name in ("tdx_quote", "tdx_quote_collateral.json"))
    identity = NodeIdentity(NodeKeys(b"k" * 32))
    results = {}
    with asyncio.Runner() as runner:
        for name, provider in (("without a TEE", NoAttestation()), ("with a quote at hand", AtOnce(quote))):
            attestor = Attestor(provider, lambda: identity)
            runner.run(attestor.attest(bytes(32)))  # hashes the package, loads what it needs
            spent = timed(lambda asked=attestor: runner.run(asked.attest(secrets.token_bytes(32))), times)  # type: ignore[misc]
            results[name] = quantiles(spent)
    verify_quote(quote, collateral, AT, Policy())
    results["verify a quote with collateral"] = quantiles(
        timed(lambda: verify_quote(quote, collateral, AT, Policy()), times)
    )
    report("Attestation, CPU of one (us)", results)


if __name__ == "__main__":
    main()

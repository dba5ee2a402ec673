"""Verification that anybody can run: of a node's attestation, of quotes, of what a node has signed.

    from wapo.verify import Policy, verify

    verdict = verify("https://node.example", policy=Policy.load(Path("policy.toml")))
    print(verdict.sentence)

The rest of Wapo is not needed for it: this room knows ``trust`` and ``content``, and asks the network for no more than
it is told to. From the bottom up: ``steps`` (a verdict), ``policy``, ``collateral``, ``quotes`` (hardware, platform,
software), ``events`` (dstack's log), ``document`` (a node's answer), ``fetch``, ``exchange`` (a response, its receipt
and its code), ``targets``.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from wapo.verify.fetch import PCS
from wapo.verify.policy import Policy, UnusablePolicy
from wapo.verify.quotes import INTEL, Root
from wapo.verify.steps import EXIT_CODES, Step, Verdict
from wapo.verify.targets import Demands, Found, verify_files, verify_node

__all__ = [
    "EXIT_CODES", "Demands", "Found", "Policy", "Step", "UnusablePolicy", "Verdict", "verify", "verify_files",
    "verify_node",
]  # fmt: skip


def verify(
    target: str | Path | Sequence[Path],
    *,
    policy: Policy | None = None,
    collateral: bytes | None = None,
    service: str | None = PCS,
    nonce: bytes | None = None,
    at: datetime | None = None,
    root: Root = INTEL,
) -> Verdict:
    """Verifies a node, by its URL, or files.

    Args:
        target: a URL is a text; files are paths.
        policy: what must hold; without one nothing is proven about the software.
        collateral: saved, so that nobody is asked; else it is fetched from ``service``, if that is not None.
        nonce: of files: what was asked with.
        at: when everything must be right; now if it is not given.
        root: whose platforms are trusted: Intel's, but for tests.

    Raises:
        InvalidTarget, NotFetched, UnreadableAttestation: there is nothing to verify.
    """
    demands = Demands(policy or Policy(), collateral, service, at, root)

    async def work() -> Verdict:
        if isinstance(target, str):
            return (await verify_node(target, demands)).verdict
        paths = [target] if isinstance(target, Path) else target
        return (await verify_files(paths, nonce, demands)).verdict

    with ThreadPoolExecutor(1) as thread:  # a loop of its own, for whoever has one already
        return thread.submit(lambda: asyncio.run(work())).result()

"""What this node says of itself to whoever asks with a fresh nonce, and how much of that a TEE vouches for.

A node calls itself attested only of a quote that carries its own keys and is signed, up to Intel's root, by a real
platform: it checks each before it passes it on. Without such a quote, whatever the reason, the answer says in plain
words that nothing is attested; there is no setting for that.
"""

import asyncio
import base64
import secrets
from collections.abc import Callable, Sequence
from typing import Any, Final

from wapo.errors import HostError
from wapo.node.software import programs_version
from wapo.trust.attestation.genuine import INTEL_ROOT_SHA256, NotGenuine, check_genuine
from wapo.trust.attestation.measurements import MalformedQuote, parse_quote
from wapo.trust.attestation.provider import AttestationProvider, Evidence, QuoteFailed
from wapo.trust.attestation.report_data import DOMAIN, MIN_NONCE_BYTES, Bound, EarlierKey
from wapo.trust.identity import NodeIdentity

__all__ = ["NOTHING_ATTESTED", "AttestationBusy", "Attestor"]

#: Quotes take hardware time, one after the other, and anybody may ask for one.
_MOST_WAITING: Final = 64

NOTHING_ATTESTED: Final = (
    "Nothing is attested: no TEE vouches for this node, and whoever has the machine can do anything with it."
)
_NOT_GENUINE: Final = "Nothing is attested: what calls itself {kind} here is not real hardware ({reason})."
_FAILING: Final = (
    "A TEE ({kind}) has vouched for this node's keys before, and gives no quotes now ({reason}): nothing that could be "
    "verified says that it still does."
)
_ATTESTED: Final = (
    "A TEE ({kind}) vouches for this node's keys. Do not take the node's word for it: verify the quote, with "
    "wapo verify or any other verifier."
)


class AttestationBusy(HostError):
    """More callers wait for a quote than may."""

    code = "attestation_busy"
    status = 503


class Attestor:
    """One node's attestation.

    Args:
        identity: gives the generation that the node signs with now.
        earlier: gives the keys that it signed with before, for receipts of that time.
        root_sha256: whose platforms count as real ones: Intel's, but for tests.
    """

    def __init__(
        self,
        provider: AttestationProvider,
        identity: Callable[[], NodeIdentity],
        earlier: Callable[[], Sequence[EarlierKey]] = tuple,
        *,
        root_sha256: str = INTEL_ROOT_SHA256,
    ) -> None:
        self._provider = provider
        self._root_sha256 = root_sha256
        self._asking = asyncio.Lock()
        self._waiting = 0
        self._identity = identity
        self._earlier = earlier
        self._programs = ""
        self._reason: str | None = None
        self._genuine = False
        self._failure: str | None = None

    @property
    def kind(self) -> str:
        """What attests: ``none`` unless a real TEE does."""
        return self._provider.kind if self._genuine else "none"

    @property
    def attested(self) -> bool:
        """Whether a real TEE vouches for this node, and did so when it was last asked."""
        return self._genuine and self._failure is None

    @property
    def statement(self) -> str:
        """The same in plain words."""
        if self._genuine and self._failure is not None:
            return _FAILING.format(kind=self._provider.kind, reason=self._failure)
        if self._genuine:
            return _ATTESTED.format(kind=self._provider.kind)
        return _NOT_GENUINE.format(kind=self._provider.kind, reason=self._reason) if self._reason else NOTHING_ATTESTED

    async def prove(self) -> None:
        """Has a first quote made, which decides what this node calls itself.

        Raises:
            QuoteFailed: there should be one.
        """
        if self._provider.kind != "none":
            await self.attest(secrets.token_bytes(MIN_NONCE_BYTES))

    def quote(self, report_data: bytes) -> bytes | None:
        """For apps; None where no real TEE attests. Blocks.

        Raises:
            QuoteFailed.
        """
        return self._provider.quote(report_data) if self._genuine else None

    async def attest(self, nonce: bytes) -> dict[str, Any]:
        """The answer to ``GET /attestation``, as docs/trust.md has it.

        Raises:
            AttestationBusy: too many others wait for one.
            QuoteFailed: the TEE gives none.
        """
        self._programs = self._programs or await asyncio.to_thread(programs_version)
        identity, earlier = self._identity(), self._earlier()
        bound = Bound(identity.public, identity.agreement_public, self._programs, nonce)
        evidence = None
        if self._provider.kind != "none":
            evidence = await self._quoted(bound.report_data())
        quote = evidence.quote if evidence is not None else b""
        signature = identity.sign(bound.statement(self._provider.kind, quote, earlier))
        return {
            "format": DOMAIN,
            "attested": self._genuine,
            "statement": self.statement,
            "kind": self._provider.kind,
            "nonce": nonce.hex(),
            "node": {
                "key_id": identity.key_id,
                "generation": identity.generation,
                "signing": {"algorithm": "Ed25519", "public": identity.public.hex()},
                "agreement": {"algorithm": "X25519", "public": identity.agreement_public.hex()},
                "earlier": [{"public": key.public.hex(), "from": key.from_s, "until": key.until_s} for key in earlier],
            },
            "programs": self._programs,
            "report_data": bound.report_data().hex(),
            "quote": base64.b64encode(quote).decode() if quote else None,
            "event_log": evidence.event_log if evidence is not None else None,
            "signature": {
                "algorithm": "Ed25519",
                "value": base64.b64encode(signature).decode(),
            },
        }

    async def _quoted(self, report_data: bytes) -> Evidence | None:
        if self._waiting >= _MOST_WAITING:
            raise AttestationBusy(f"{self._waiting} others wait for a quote; ask again in a moment")
        self._waiting += 1
        # Who goes away meanwhile leaves a thread behind that waits for the hardware: it counts until that is done.
        asking = asyncio.ensure_future(self._ask(report_data))
        asking.add_done_callback(self._asked)
        evidence = await asyncio.shield(asking)
        self._reason = None if evidence is None else self._not_genuine(evidence, report_data)
        self._genuine = evidence is not None and self._reason is None
        return evidence

    async def _ask(self, report_data: bytes) -> Evidence | None:
        async with self._asking:
            try:
                evidence = await asyncio.to_thread(self._provider.evidence, report_data)
            except QuoteFailed as error:
                self._failure = str(error)
                raise
            self._failure = None
            return evidence

    def _asked(self, done: "asyncio.Future[Evidence | None]") -> None:
        self._waiting -= 1
        if not done.cancelled():
            done.exception()  # has been looked at, even where nobody waits any more

    def _not_genuine(self, evidence: Evidence, report_data: bytes) -> str | None:
        """Why it is no real quote of this node; None if it is one. Takes half a millisecond."""
        try:
            parsed = parse_quote(evidence.quote)
            check_genuine(parsed, self._root_sha256)
        except (MalformedQuote, NotGenuine) as error:
            return str(error)
        if parsed.report_data != report_data:
            return "the quote is not bound to this node's keys and nonce"
        if parsed.debug:
            return "it is in debug mode, where whoever has the machine may look into it"
        return None

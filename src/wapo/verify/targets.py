"""A node, or files, verified as a whole."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from wapo.trust.attestation.measurements import MalformedQuote, parse_quote
from wapo.trust.attestation.report_data import DOMAIN
from wapo.trust.identity import key_id
from wapo.trust.receipt_checks import verify_receipt
from wapo.trust.receipts import FORM as RECEIPT
from wapo.trust.receipts import InvalidReceipt, PublishedKey
from wapo.verify.document import MAX_DOCUMENT_BYTES, Attestation, check_attestation, read_attestation
from wapo.verify.exchange import FORMAT as EXCHANGE
from wapo.verify.exchange import MAX_EXCHANGE_BYTES, Exchange, check_code, check_exchange, exchange_of, make_exchange
from wapo.verify.fetch import PCS, InvalidTarget, NotFetched, fetch, fetch_collateral, origin_of
from wapo.verify.policy import Policy
from wapo.verify.quotes import INTEL, Root, verify_quote
from wapo.verify.steps import Step, Verdict

__all__ = ["Demands", "Found", "verify_files", "verify_node"]

_NONCE_BYTES: Final = 32
_MOST_BYTES: Final = 2 * MAX_EXCHANGE_BYTES
_KINDS: Final = ("attestation", "quote", "collateral", "nonce", "exchange", "receipt", "archive of code")
#: How the header of an archive begins, after its length: a map of two, "roots" first.
_CAR: Final = b"\xa2\x65roots"


@dataclass(frozen=True)
class Demands:
    """How to verify.

    Attributes:
        collateral: saved; None: it is fetched.
        service: where from: Intel's, or a cache of it; None: from nobody.
        at: when everything must be right; None: now.
        root: whose platforms are trusted.
    """

    policy: Policy = field(default_factory=Policy)
    collateral: bytes | None = None
    service: str | None = PCS
    at: datetime | None = None
    root: Root = INTEL

    @property
    def time(self) -> datetime:
        """When everything must be right."""
        return self.at or datetime.now(UTC)


@dataclass
class Found:
    """A verdict, and what it was found in: enough to verify again without anybody.

    Attributes:
        saved: contents, by the name of a file.
    """

    verdict: Verdict = field(default_factory=Verdict)
    saved: dict[str, bytes] = field(default_factory=dict)


async def verify_node(url: str, demands: Demands) -> Found:
    """Asks a node with a fresh nonce; where the address is an agent's, asks the agent first, and for the receipt.

    Raises:
        InvalidTarget: it is no URL of a node.
        NotFetched, UnreadableAttestation: it does not answer as a node does.
    """
    origin = origin_of(url)
    nonce = secrets.token_bytes(_NONCE_BYTES)
    found = Found()
    exchange = await make_exchange(url)
    answer = await fetch(f"{origin}/attestation?nonce={nonce.hex()}", MAX_DOCUMENT_BYTES)
    if answer.status != 200:
        raise NotFetched(f"{origin}/attestation answers with status {answer.status}")
    found.saved |= {"attestation.json": answer.body, "nonce.txt": f"{nonce.hex()}\n".encode()}
    attestation = read_attestation(answer.body)
    await _attested(attestation, nonce, demands, found)
    if exchange is not None:
        await _exchanged(exchange, attestation, origin, None, found)
    return found


async def verify_files(paths: Sequence[Path], nonce: bytes | None, demands: Demands) -> Found:
    """What is in files, each known by its content: an attestation or a quote, collateral, and what was saved of an
    exchange.

    Raises:
        InvalidTarget: a file cannot be read, is none of these, or there is no attestation or quote.
    """
    contents = {}
    for path in paths:
        data = _read(path)
        kind = _kind(path, data)
        if kind in contents:
            raise InvalidTarget(f"{path}: there is more than one {kind}")
        contents[kind] = data
    collateral = contents.get("collateral", demands.collateral)
    demands = Demands(demands.policy, collateral, demands.service, demands.at, demands.root)
    found = Found()
    if "nonce" in contents and nonce is None:
        nonce = bytes.fromhex(contents["nonce"].decode().strip())
    if "attestation" in contents:
        attestation = read_attestation(contents["attestation"])
        await _attested(attestation, nonce, demands, found)
        if "exchange" in contents:
            exchange = exchange_of(contents["exchange"], contents.get("receipt"))
            await _exchanged(exchange, attestation, None, contents.get("archive"), found)
        elif "receipt" in contents:
            found.verdict.extend(_receipt_alone(contents["receipt"], attestation))
    elif "quote" in contents:
        collateral = await _collateral(contents["quote"], demands, found)
        text = "which node and which key a quote alone is about cannot be told; the attestation of a node says"
        found.verdict.add(Step("binding", "open", text))
        found.verdict.extend(
            verify_quote(contents["quote"], collateral, demands.time, demands.policy, None, demands.root)
        )
    else:
        raise InvalidTarget("there is nothing to verify: an attestation, or a quote, is needed")
    return found


async def _attested(attestation: Attestation, nonce: bytes | None, demands: Demands, found: Found) -> None:
    collateral = await _collateral(attestation.quote, demands, found) if attestation.quote else None
    found.verdict.extend(check_attestation(attestation, nonce, collateral, demands.time, demands.policy, demands.root))


async def _exchanged(
    exchange: Exchange, attestation: Attestation, origin: str | None, archive: bytes | None, found: Found
) -> None:
    """Only what the attested key has signed counts: of what was asked just now no earlier one, which may have been
    given up because somebody else has it."""
    keys = _keys(attestation) if origin is None else _present(attestation)
    steps, program = check_exchange(exchange, keys)
    found.verdict.extend(steps)
    step, kept = await check_code(exchange.target, program, origin, archive)
    found.verdict.add(step)
    found.verdict.claim = (
        f"{program} gave this response to this request, on a node whose key a TEE vouches for, running what the policy "
        "names."
    )
    found.saved |= {"exchange.json": exchange.saved()}
    found.saved |= {"receipt.json": exchange.receipt} if exchange.receipt is not None else {}
    found.saved |= {"program.car": kept} if kept is not None else {}


def _receipt_alone(document: bytes, attestation: Attestation) -> list[Step]:
    try:
        receipt = verify_receipt(document, _keys(attestation))
    except InvalidReceipt as error:
        return [Step("receipt", "failed", str(error))]
    text = f"signed by the node's key, for {receipt.program}; with which response it agrees, nobody has said"
    return [Step("receipt", "open", text, {"method": receipt.method, "target": receipt.target})]


def _keys(attestation: Attestation) -> dict[str, PublishedKey]:
    """The key that the quote is for, and those that it vouches for, each for its time."""
    earlier = {key_id(key.public): PublishedKey(key.public, key.from_s, key.until_s) for key in attestation.earlier}
    return earlier | _present(attestation)


def _present(attestation: Attestation) -> dict[str, PublishedKey]:
    return {attestation.key_id: PublishedKey(attestation.bound.public)}


async def _collateral(quote: bytes, demands: Demands, found: Found) -> bytes | None:
    """Given or fetched; a step says why there is none."""
    collateral = demands.collateral
    if collateral is None and demands.service is not None:
        try:
            parse_quote(quote)
            collateral = await fetch_collateral(quote, demands.service)
        except MalformedQuote:
            return None
        except NotFetched as error:
            found.verdict.add(Step("collateral", "open", str(error)))
    if collateral is not None:
        found.saved["collateral.json"] = collateral
    return collateral


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise InvalidTarget(f"{path} cannot be read: {error.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise InvalidTarget(f"{path} has more than {_MOST_BYTES} bytes")
    return data


def _kind(path: Path, data: bytes) -> str:
    """What a file is, by its content."""
    if data[:2] in (b"\3\0", b"\4\0", b"\5\0"):
        return "quote"
    if data[1:].startswith(_CAR):
        return "archive"
    try:
        if len(bytes.fromhex(data.decode("ascii").strip())) <= 64:
            return "nonce"
    except ValueError:
        pass
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        if value.get("format") == DOMAIN:
            return "attestation"
        if value.get("format") == EXCHANGE:
            return "exchange"
        if value.get("form") == RECEIPT:
            return "receipt"
        if "tcb_info" in value:
            return "collateral"
    raise InvalidTarget(f"{path} is no {', '.join(_KINDS)}")

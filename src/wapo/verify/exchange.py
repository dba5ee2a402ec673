"""One exchange with an agent: what was asked, what came back, what the node's receipt says, and the code it names."""

import base64
import json
import secrets
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes, urlsplit

from wapo.content.car import CarDecoder
from wapo.content.cid import Cid
from wapo.content.errors import HashMismatch, InvalidCid
from wapo.content.library import Library, open_library
from wapo.content.trustless import TrustlessRequest, answer
from wapo.errors import WapoError
from wapo.lazy import library
from wapo.trust.merkle import check_inclusion, hash_of, leaf_hash, read_head
from wapo.trust.receipt_checks import check_receipt
from wapo.trust.receipts import MAX_DOCUMENT_BYTES, UNSIGNED_FIELDS, InvalidReceipt, PublishedKey, read_document
from wapo.verify.fetch import Answer, InvalidTarget, fetch, origin_of
from wapo.verify.steps import State, Step

if TYPE_CHECKING:
    import aiohttp
else:
    aiohttp = library("aiohttp")

__all__ = ["FORMAT", "MAX_EXCHANGE_BYTES", "Exchange", "check_code", "check_exchange", "exchange_of", "make_exchange"]

FORMAT: Final = "wapo-exchange/v1"
MAX_EXCHANGE_BYTES: Final = 64 << 20
_PREFIX: Final = "/ipfs/"
_NONCE_BYTES: Final = 32


@dataclass(frozen=True)
class Exchange:
    """A request to an agent and its answer, and what the node says of it afterwards.

    Attributes:
        target: path and query, as sent.
        nonce: what the receipt was asked for with.
        receipt: JSON; None: the node gave none.
        chosen: headers of the request that the receipt was asked to cover.
        content: of the request.
    """

    target: str
    nonce: str
    answer: Answer
    receipt: bytes | None
    method: str = "GET"
    chosen: tuple[tuple[str, str], ...] = ()
    content: bytes = b""

    def saved(self) -> bytes:
        """As a file has it, without the receipt, which is one of its own."""
        return json.dumps({
            "format": FORMAT,
            "request": {
                "method": self.method, "target": self.target, "nonce": self.nonce, "headers": self.chosen,
                "body": base64.b64encode(self.content).decode(),
            },
            "response": {
                "status": self.answer.status, "headers": self.answer.headers,
                "body": base64.b64encode(self.answer.body).decode(),
            },
        }, indent=1).encode()  # fmt: skip


def exchange_of(data: bytes, receipt: bytes | None) -> Exchange:
    """What was saved.

    Raises:
        InvalidTarget: it is no exchange.
    """
    try:
        value = json.loads(data)
        asked, said = value["request"], value["response"]
        texts = [asked[name] for name in ("target", "nonce", "method")]
        if type(said["status"]) is not int or not all(isinstance(text, str) for text in texts):
            raise TypeError
        answered = Answer(said["status"], _headers(said["headers"]), base64.b64decode(said["body"], validate=True))
        target, nonce, method = texts
        content = base64.b64decode(asked["body"], validate=True)
        return Exchange(target, nonce, answered, receipt, method, _headers(asked["headers"]), content)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InvalidTarget("the exchange cannot be read") from None


def _headers(value: Any) -> tuple[tuple[str, str], ...]:
    found = tuple((name, text) for name, text in value)
    for name, text in found:
        name.encode("latin-1"), text.encode("latin-1")
    return found


async def make_exchange(url: str) -> Exchange | None:
    """Asks the agent at that address, and then for the receipt; None where the address is the node's own.

    Raises:
        InvalidTarget: it leads to something else, of which nothing could be said.
        NotFetched.
    """
    origin, parts = origin_of(url), urlsplit(url)
    if parts.path in ("", "/"):
        return None
    if not parts.path.startswith(_PREFIX) or len(parts.path) == len(_PREFIX):
        raise InvalidTarget(f"{parts.path} is no agent's address: what can be verified is {_PREFIX}<cid>, or the node")
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    if not target.isascii():
        raise InvalidTarget("the address is not in ASCII: write other characters percent-encoded")
    nonce = secrets.token_hex(_NONCE_BYTES)
    answered = await fetch(origin + target, MAX_EXCHANGE_BYTES, {"accept-signature": f'wapo=();nonce="{nonce}"'})
    receipt = None
    ids = [value for name, value in answered.headers if name.lower() == "x-request-id"]
    if len(ids) == 1 and ids[0].replace("-", "").isalnum():
        found = await fetch(f"{origin}/receipts/{ids[0]}", MAX_DOCUMENT_BYTES)
        receipt = found.body if found.status == 200 else None
    return Exchange(target, nonce, answered, receipt)


def check_exchange(exchange: Exchange, keys: Mapping[str, PublishedKey]) -> tuple[list[Step], str | None]:
    """Steps of the receipt, and the program that it names, if all is right.

    Args:
        keys: those that are attested, and could have signed it.
    """
    if exchange.receipt is None:
        text = f"the node gave no receipt of this response (status {exchange.answer.status}): anybody may have made it"
        return [Step("receipt", "open", text)], None
    try:
        receipt, _ = read_document(exchange.receipt)
        checks = check_receipt(
            exchange.receipt, keys, method=exchange.method, target=exchange.target, request_headers=exchange.chosen,
            request_body=exchange.content, nonce=exchange.nonce, status=exchange.answer.status,
            response_headers=exchange.answer.headers, response_body=exchange.answer.body, unsigned=UNSIGNED_FIELDS,
        )  # fmt: skip
    except InvalidReceipt as error:
        return [Step("receipt", "failed", str(error))], None
    wrong = [Step("receipt", "failed", f"{check.name}: {check.evidence}") for check in checks if not check.passed]
    if wrong:
        return wrong, None
    evidence = {check.name: check.evidence for check in checks} | {"program": receipt.program, "id": receipt.request_id}
    text = f"the node's key has signed that {receipt.program} gave this response to this request"
    return [Step("receipt", "ok", text, evidence), _check_log(exchange.receipt, keys)], receipt.program


def _check_log(document: bytes, keys: Mapping[str, PublishedKey]) -> Step:
    """That the receipt is in the node's log, so that the node cannot deny it later without being caught."""
    try:
        log = json.loads(document)["log"]
        head = read_head(log["head"], keys)
        proof = [hash_of(step) for step in log["proof"]]
        leaf = leaf_hash(read_document(document)[0].canonical())
        inside = check_inclusion(leaf, log["index"], head.size, proof, head.root)
    except (InvalidReceipt, KeyError, TypeError, ValueError, OverflowError) as error:
        return Step("log", "failed", f"what places the receipt in the node's log cannot be read: {error}")
    if not inside:
        return Step("log", "failed", "the receipt is not where the node says that it is in its log")
    text = f"the receipt is number {log['index']} of {head.size} in the node's log"
    return Step("log", "ok", text, {"log": head.log, "root": head.root.hex()})


async def check_code(
    target: str, program: str | None, origin: str | None, archive: bytes | None
) -> tuple[Step, bytes | None]:
    """That the code behind the address has the hashes that its CID says, and is what the receipt names.

    Args:
        program: what the receipt names; None: there is no receipt.
        origin: who is asked for blocks, each of which is hashed.
        archive: a CAR with them, instead.

    Returns:
        the step, and an archive to verify again with.
    """
    name, *rest = urlsplit(target).path.removeprefix(_PREFIX).split("/")
    segments = [unquote_to_bytes(segment).decode("utf-8", "surrogateescape") for segment in rest]
    try:
        cid = Cid.parse(name)
    except InvalidCid as error:
        return Step("code", "failed", str(error)), None
    with tempfile.TemporaryDirectory(prefix="wapo-verify-") as folder:
        upstreams = [origin] if origin is not None and archive is None else []
        # Of whoever verifies it is the node that was named, wherever that is; nobody else is asked.
        async with open_library(Path(folder), upstreams, connector_factory=lambda: aiohttp.TCPConnector()) as blocks:
            try:
                if archive is not None:
                    await _unpack(archive, blocks)
                found = await blocks.program(cid, segments)
                used = segments[: len(segments) - len(found.rest)]
                kept = await _packed(blocks, cid, used)
            except WapoError as error:
                state: State = "failed" if isinstance(error, HashMismatch) else "open"
                return Step("code", state, f"the code could not be had, so it is not known: {error}"), None
    if program is not None and str(found.cid) != program:
        text = f"the address leads to {found.cid}, and the receipt is for {program}"
        return Step("code", "failed", text), None
    text = f"{found.size} bytes of code, every block of which has the hash that {found.cid} says"
    return Step("code", "ok", text, {"cid": str(found.cid)}), kept


async def _unpack(archive: bytes, blocks: Library) -> None:
    decoder = CarDecoder("the archive")
    await blocks.blocks.put_verified(list(decoder.feed(archive)))
    decoder.finish()


async def _packed(blocks: Library, cid: Cid, segments: Sequence[str]) -> bytes:
    # The file that a path has led to; entries of directories are no part of the code.
    asked = TrustlessRequest(cid, "car", tuple(segment for segment in segments if segment), "entity")
    return b"".join([piece async for piece in (await answer(asked, blocks.blocks)).body])

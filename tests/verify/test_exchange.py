"""A response is what its program gave: a real agent on a real socket, and everything that could be another."""

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.conftest import Site, opened_site
from tests.trust.attestation.platform import Hardware, Platform, needs_quotes
from tests.verify.support import policy_of, root_of
from wapo.node.identities import rotate
from wapo.node.settings import ReceiptPolicy
from wapo.store.database import Database
from wapo.trust.identity import NodeIdentity
from wapo.trust.keys import NodeKeys
from wapo.trust.receipts import PublishedKey
from wapo.verify import targets
from wapo.verify.exchange import Exchange, check_code, check_exchange, exchange_of, make_exchange
from wapo.verify.fetch import InvalidTarget
from wapo.verify.targets import Demands, verify_files, verify_node

pytestmark = [needs_quotes, pytest.mark.asyncio(loop_scope="module")]

AGENT = """
export default { fetch(request) {
  const headers = { 'x-a': '1', 'content-type': 'text/plain' };
  if (new URL(request.url).searchParams.has('stream')) {
    const chunks = ['one', 'two', 'three'];
    return new Response(new ReadableStream({ async pull(c) {
      await null;
      chunks.length ? c.enqueue(new TextEncoder().encode(chunks.shift())) : c.close();
    } }), { headers });
  }
  return new Response('hello ' + request.url, { status: 201, headers });
} };
"""
LARGE = AGENT + "//" + "x" * 700_000  # of several blocks


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform() -> Platform:
    return Platform()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    folder = tmp_path_factory.mktemp("exchange")
    async with opened_site(folder / "node", attestation=Hardware(platform)) as opened:
        yield opened


def demands(platform: Platform) -> Demands:
    return Demands(policy_of(platform.quote(bytes(64))), platform.collateral(), root=root_of(platform))


def keys_of(site: Site) -> dict[str, PublishedKey]:
    identity = site.node.identity
    return {identity.key_id: PublishedKey(identity.public)}


async def exchanged(site: Site, tail: str = "/a?b=c") -> Exchange:
    exchange = await make_exchange(site.url + await site.publish(AGENT) + tail)
    assert exchange is not None
    return exchange


@pytest.mark.parametrize("source", [AGENT, LARGE], ids=["one block", "several"])
@pytest.mark.parametrize("tail", ["", "/a/b%20c?d=%2F&e", "?stream"])
async def test_a_response_is_proven(site: Site, platform: Platform, source: str, tail: str) -> None:
    path = await site.publish(source)
    found = await verify_node(site.url + path + tail, demands(platform))
    assert found.verdict.proven, found.verdict.sentence
    assert [step.name for step in found.verdict.steps][-3:] == ["receipt", "log", "code"]
    identity = await site.node.programs.identity_of(path.removeprefix("/ipfs/"))
    assert found.verdict.sentence.startswith(f"PROVEN: {identity} gave this response to this request")


async def test_what_was_saved_of_it_is_proven_again(site: Site, platform: Platform, tmp_path: Path) -> None:
    found = await verify_node(site.url + await site.publish(LARGE), demands(platform))
    for name, content in found.saved.items():
        (tmp_path / name).write_bytes(content)
    paths = sorted(tmp_path.iterdir())
    assert [path.name for path in paths] == [
        "attestation.json", "collateral.json", "exchange.json", "nonce.txt", "program.car", "receipt.json",
    ]  # fmt: skip
    again = await verify_files(paths, None, demands(platform))
    assert again.verdict.proven
    assert again.verdict.as_json() == found.verdict.as_json()
    # Without the response there is a receipt, and nothing that it is compared with.
    fewer = await verify_files([path for path in paths if path.name != "exchange.json"], None, demands(platform))
    assert [step.name for step in fewer.verdict.steps if step.state == "open"] == ["receipt"]


async def test_a_directory_leads_to_the_file_that_answered(site: Site, platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "agent.js").write_text(AGENT)
    (tmp_path / "dir" / "other.js").write_text(LARGE)
    cid = await site.node.library.publish(tmp_path / "dir")
    found = await verify_node(f"{site.url}/ipfs/{cid}/agent.js/own/path", demands(platform))
    assert found.verdict.proven, found.verdict.sentence
    for name, content in found.saved.items():
        (tmp_path / name).write_bytes(content)
    again = await verify_files([tmp_path / name for name in found.saved], None, demands(platform))
    assert again.verdict.proven, again.verdict.sentence


def _changed(exchange: Exchange, **changes: Any) -> Exchange:
    return replace(exchange, answer=replace(exchange.answer, **changes))


CHANGES = {
    "a byte of the body": lambda e: _changed(e, body=b"j" + e.answer.body[1:]),
    "a body cut short": lambda e: _changed(e, body=e.answer.body[:-1]),
    "a longer body": lambda e: _changed(e, body=e.answer.body + b"\n"),
    "the status": lambda e: _changed(e, status=200),
    "a header's value": lambda e: _changed(
        e, headers=tuple((n, "2" if n == "x-a" else v) for n, v in e.answer.headers)
    ),
    "a header left out": lambda e: _changed(e, headers=tuple((n, v) for n, v in e.answer.headers if n != "x-a")),
    "a header more": lambda e: _changed(e, headers=(*e.answer.headers, ("x-b", "1"))),
    "a header twice": lambda e: _changed(e, headers=(*e.answer.headers, ("x-a", "1"))),
    "the headers' order": lambda e: _changed(e, headers=e.answer.headers[::-1]),
    "another target": lambda e: replace(e, target=e.target + "d"),
    "another nonce": lambda e: replace(e, nonce="0" * 64),
    "no receipt at all": lambda e: replace(e, receipt=b"{}"),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_any_change_is_caught(site: Site, change: str) -> None:
    exchange = await exchanged(site)
    assert [step.state for step in check_exchange(exchange, keys_of(site))[0]] == ["ok", "ok"]
    steps, program = check_exchange(CHANGES[change](exchange), keys_of(site))
    assert ("failed" in [step.state for step in steps], program) == (True, None), steps


async def test_the_receipt_of_another_response_is_refused(site: Site) -> None:
    one, other = await exchanged(site), await exchanged(site)
    steps, _ = check_exchange(replace(one, receipt=other.receipt), keys_of(site))
    assert steps[0].state == "failed"
    assert "nonce" in steps[0].text


async def test_a_receipt_of_a_key_that_is_not_attested_is_refused(site: Site) -> None:
    stranger = NodeIdentity(NodeKeys(b"s" * 32))
    steps, _ = check_exchange(await exchanged(site), {stranger.key_id: PublishedKey(stranger.public)})
    assert steps[0].state == "failed"
    assert "is none of this node's" in steps[0].text


@pytest.mark.parametrize("part", ["index", "proof", "head", "root"])
async def test_a_place_in_the_log_that_is_none_is_refused(site: Site, part: str) -> None:
    await exchanged(site)
    exchange = await exchanged(site)
    assert exchange.receipt is not None
    document = json.loads(exchange.receipt)
    match part:
        case "index":
            document["log"]["index"] -= 1
        case "proof":
            document["log"]["proof"] = document["log"]["proof"][1:]
        case "head":
            document["log"]["head"] = {}
        case "root":
            document["log"]["head"]["root"] = base64.urlsafe_b64encode(bytes(32)).rstrip(b"=").decode()
    steps, _ = check_exchange(replace(exchange, receipt=json.dumps(document).encode()), keys_of(site))
    assert [(step.name, step.state) for step in steps] == [("receipt", "ok"), ("log", "failed")]


async def test_a_node_without_receipts_proves_no_response(platform: Platform, tmp_path: Path) -> None:
    async with opened_site(tmp_path / "n", attestation=Hardware(platform), receipts=ReceiptPolicy.OFF) as site:
        found = await verify_node(site.url + await site.publish(AGENT), demands(platform))
    assert found.verdict.outcome == "open"
    assert [step.name for step in found.verdict.steps if step.state == "open"] == ["receipt"]


async def test_other_code_than_the_receipt_names_is_caught(site: Site) -> None:
    exchange = await exchanged(site)
    other = str(await site.node.programs.identity_of((await site.publish(LARGE)).removeprefix("/ipfs/")))
    step, _ = await check_code(exchange.target, other, site.url, None)
    assert (step.state, "the receipt is for" in step.text) == ("failed", True)


async def test_code_that_has_not_its_hash_is_never_taken(site: Site) -> None:
    target = await site.publish(AGENT)
    step, archive = await check_code(target, None, site.url, None)
    assert step.state == "ok"
    assert archive is not None
    damaged = archive[:-1] + bytes([archive[-1] ^ 1])
    for data, state in ((damaged, "failed"), (archive[:-1], "open"), (b"", "open"), (b"x" * 100, "open")):
        step, kept = await check_code(target, None, None, data)
        assert (step.state, kept) == (state, None)


async def test_an_address_that_names_nothing_is_told(site: Site) -> None:
    assert await make_exchange(f"{site.url}/") is None
    with pytest.raises(InvalidTarget, match="ASCII"):
        await make_exchange(f"{site.url}/ipfs/ä")
    step, _ = await check_code("/ipfs/nonsense", None, site.url, None)
    assert step.state == "failed"
    whole = json.loads((await exchanged(site)).saved())
    for change in (
        {"response": {}}, {"response": whole["response"] | {"status": 1e999}}, {"response": whole["response"] | {"headers": [["a"]]}},
        {"response": whole["response"] | {"headers": [["a", 1]]}}, {"response": whole["response"] | {"body": "?"}},
        {"request": whole["request"] | {"nonce": 1}}, {"request": whole["request"] | {"body": None}}, {"request": []},
    ):  # fmt: skip
        with pytest.raises(InvalidTarget):
            exchange_of(json.dumps(whole | change).encode(), None)
    for data in (b"{}", b"[]", b"", b"\xff"):
        with pytest.raises(InvalidTarget):
            exchange_of(data, None)


@pytest.mark.parametrize("path", ["/local", "/ipfs", "/ipfs/", "/IPFS/bafy", "/x"])
async def test_an_address_that_is_no_agent_s_proves_nothing_about_its_node(
    site: Site, platform: Platform, path: str
) -> None:
    with pytest.raises(InvalidTarget, match="no agent's address"):
        await verify_node(site.url + path, demands(platform))
    assert (await verify_node(site.url, demands(platform))).verdict.proven


async def test_a_client_s_own_request_is_checked_with_its_content(site: Site) -> None:
    """As docs/trust.md describes the file that it writes."""
    target, content = await site.publish(AGENT) + "/a", b"what was sent"
    headers = {"accept-signature": 'wapo=("x-mine";req);nonce="n"', "x-mine": "1"}
    response = await site.client.post(target, content=content, headers=headers)
    receipt = (await site.client.get(f"/receipts/{response.headers['x-request-id']}")).content
    document = {
        "format": "wapo-exchange/v1",
        "request": {
            "method": "POST", "target": target, "nonce": "n", "headers": [["x-mine", "1"]],
            "body": base64.b64encode(content).decode(),
        },
        "response": {
            "status": response.status_code, "headers": response.headers.multi_items(),
            "body": base64.b64encode(response.content).decode(),
        },
    }  # fmt: skip

    def states(**change: Any) -> list[str]:
        value = document | {"request": document["request"] | change}  # type: ignore[operator]
        return [
            step.state for step in check_exchange(exchange_of(json.dumps(value).encode(), receipt), keys_of(site))[0]
        ]

    assert states() == ["ok", "ok"]
    asked_more = {"headers": [["x-mine", "1"], ["x-more", "1"]]}  # and somebody on the way has asked for less
    for change in ({"method": "PUT"}, {"body": "AAAA"}, {"headers": []}, {"headers": [["x-mine", "2"]]}, asked_more):
        assert "failed" in states(**change), change


async def test_a_receipt_of_an_earlier_key_is_proven_by_the_present_one(
    platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quote is for the present key, which vouches for those before it, each for its time; and not for now."""
    async with opened_site(tmp_path / "n", attestation=Hardware(platform)) as site:
        url = site.url + await site.publish(AGENT)
        old = await verify_node(url, demands(platform))
        async with Database(tmp_path / "n" / "wapo.db") as database:
            await rotate(database)
        await site.node.identities.load()
        new = await verify_node(url, demands(platform))
        assert new.verdict.proven

        async def made_with_the_old_key(_: str) -> Exchange:
            return exchange_of(old.saved["exchange.json"], old.saved["receipt.json"])

        with monkeypatch.context() as patched:  # what somebody can answer who has got hold of it
            patched.setattr(targets, "make_exchange", made_with_the_old_key)
            assert (await verify_node(url, demands(platform))).verdict.outcome == "refused"
    files = old.saved | {name: new.saved[name] for name in ("attestation.json", "nonce.txt")}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    paths = [tmp_path / name for name in files]
    mixed = await verify_files(paths, None, demands(platform))
    assert mixed.verdict.proven, mixed.verdict.sentence
    document = json.loads(files["attestation.json"])
    for change in ({"earlier": []}, {"earlier": [document["node"]["earlier"][0] | {"until": 1}]}):
        (tmp_path / "attestation.json").write_bytes(json.dumps(document | {"node": document["node"] | change}).encode())
        assert (await verify_files(paths, None, demands(platform))).verdict.outcome == "refused"

"""What a node says of itself, and that it never says more than a TEE has signed."""

import asyncio
import base64
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.conftest import SiteFactory
from tests.trust.attestation.agent import guest_agent
from tests.trust.attestation.platform import Hardware, Platform, needs_quotes, sample
from wapo.node.attestation import NOTHING_ATTESTED, AttestationBusy, Attestor
from wapo.node.backup import back_up
from wapo.node.restore import restore
from wapo.node.software import programs_version
from wapo.trust.attestation.dstack import Dstack
from wapo.trust.attestation.measurements import parse_quote
from wapo.trust.attestation.provider import Evidence, NoAttestation, QuoteFailed
from wapo.trust.attestation.report_data import Bound
from wapo.trust.identity import NodeIdentity
from wapo.trust.keys import NodeKeys, UnusableKey

NONCE = bytes(range(32))
IDENTITY = NodeIdentity(NodeKeys(b"r" * 32))


def attestor(provider: Any, root_sha256: str | None = None) -> Attestor:
    options = {} if root_sha256 is None else {"root_sha256": root_sha256}
    return Attestor(provider, lambda: IDENTITY, **options)


class Changed(Hardware):
    """A provider that does something to its quotes."""

    def __init__(self, platform: Platform, change: Callable[[bytes], bytes], **measured: str) -> None:
        super().__init__(platform, **measured)
        self.change = change

    def evidence(self, report_data: bytes) -> Evidence:
        return Evidence(self.change(super().evidence(report_data).quote))


class Failing(Hardware):
    """A provider that gives quotes until it does not."""

    failure: str | None = None

    def evidence(self, report_data: bytes) -> Evidence:
        if self.failure is not None:
            raise QuoteFailed(self.failure)
        return super().evidence(report_data)


@needs_quotes
async def test_a_tee_that_gives_no_more_quotes_is_told_everywhere_until_it_does() -> None:
    platform = Platform()
    provider = Failing(platform)
    node = attestor(provider, platform.root_sha256)
    await node.prove()
    attested = node.statement
    assert node.attested
    provider.failure = "the kernel gives no quote"
    with pytest.raises(QuoteFailed):
        await node.attest(NONCE)
    assert not node.attested
    assert "gives no quotes now (the kernel gives no quote)" in node.statement
    provider.failure = None
    answer = await node.attest(NONCE)
    assert (node.attested, node.statement, answer["statement"]) == (True, attested, attested)


async def test_without_a_tee_the_answer_says_so_and_is_signed_all_the_same() -> None:
    node = attestor(NoAttestation())
    await node.prove()
    answer = await node.attest(NONCE)
    assert (node.kind, node.attested, node.statement) == ("none", False, NOTHING_ATTESTED)
    assert (answer["attested"], answer["quote"], answer["kind"]) == (False, None, "none")
    assert answer["statement"].startswith("Nothing is attested")
    assert answer["nonce"] == NONCE.hex()
    bound = Bound(IDENTITY.public, IDENTITY.agreement_public, programs_version(), NONCE)
    assert answer["report_data"] == bound.report_data().hex()
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(answer["node"]["signing"]["public"]))
    key.verify(base64.b64decode(answer["signature"]["value"]), bound.statement("none", b""))
    assert node.quote(bytes(64)) is None


@needs_quotes
@pytest.mark.parametrize("kind", ["tdx", "sgx"])
async def test_a_tee_vouches_for_keys_programs_and_nonce(kind: str) -> None:
    platform = Platform(kind)
    node = attestor(Hardware(platform), platform.root_sha256)
    await node.prove()
    answer = await node.attest(NONCE)
    assert (node.kind, node.attested, answer["attested"]) == (kind, True, True)
    bound = Bound(IDENTITY.public, IDENTITY.agreement_public, programs_version(), NONCE)
    quote = base64.b64decode(answer["quote"])
    assert parse_quote(quote).report_data == bound.report_data()
    assert (await node.attest(bytes(32)))["report_data"] != answer["report_data"]
    Ed25519PublicKey.from_public_bytes(IDENTITY.public).verify(
        base64.b64decode(answer["signature"]["value"]), bound.statement(kind, quote)
    )
    data = bytes(range(64))
    found = node.quote(data)
    assert found is not None
    assert parse_quote(found).report_data == data


def _simulated(quote: bytes) -> bytes:
    """What dstack's simulator does: a quote of another day, with these report data put in."""
    other = sample("tdx_quote")[0]
    return other[:568] + parse_quote(quote).report_data + other[632:]


@needs_quotes
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda quote: quote, "do not lead to Intel's root"),
        (lambda quote: sample("tdx_quote")[0], "not bound to this node's keys"),
        (_simulated, "signature of the attestation key is wrong"),
        (lambda quote: b"simulated", "ends within its header"),
        (lambda quote: b"", "ends within its header"),
    ],
    ids=["a root of its own", "an old real one", "report data put in", "no quote", "nothing"],
)
async def test_what_no_real_tee_has_signed_is_no_attestation(change: Callable[[bytes], bytes], why: str) -> None:
    """Whatever the node was configured with: it calls itself attested of a real quote of its own only."""
    node = attestor(Changed(Platform(), change))
    await node.prove()
    answer = await node.attest(NONCE)
    assert (answer["attested"], node.attested, node.kind) == (False, False, "none")
    assert answer["statement"].startswith("Nothing is attested: what calls itself tdx here is not real hardware")
    assert why in answer["statement"]
    assert node.quote(bytes(64)) is None


@needs_quotes
async def test_a_domain_that_can_be_debugged_is_not_attested() -> None:
    platform = Platform()
    node = attestor(Hardware(platform, td_attributes="0100001000000000"), platform.root_sha256)
    assert "debug mode" in (await node.attest(NONCE))["statement"]
    assert not node.attested


async def test_a_tee_that_does_not_answer_is_no_silent_none(tmp_path: Path) -> None:
    node = attestor(Dstack(str(tmp_path / "missing")))
    with pytest.raises(QuoteFailed):
        await node.prove()
    with pytest.raises(QuoteFailed):
        await node.attest(NONCE)


@needs_quotes
async def test_who_waits_for_quotes_is_bounded() -> None:
    gate = threading.Event()

    class Slow(Hardware):
        def evidence(self, report_data: bytes) -> Evidence:
            gate.wait(30)
            return super().evidence(report_data)

    node = attestor(Slow(Platform()))
    asked = [asyncio.ensure_future(node.attest(NONCE)) for _ in range(70)]
    done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    assert all(isinstance(one.exception(), AttestationBusy) for one in done)
    gate.set()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(answer, AttestationBusy) for answer in answers) == 6
    assert (await node.attest(NONCE))["nonce"] == NONCE.hex()


# The key of a node in a TEE


@needs_quotes
async def test_secrets_survive_a_move_of_the_same_deployment(open_site: SiteFactory, tmp_path: Path) -> None:
    """Another machine, another directory, the same key service: the same keys. Without it, others."""
    secrets = []
    for name, key in (("a", b"1" * 32), ("b", b"1" * 32), ("c", b"2" * 32)):
        with guest_agent(tmp_path / f"{name}.sock", Platform(), key):
            async with open_site(data_dir=tmp_path / name, attestation=Dstack(str(tmp_path / f"{name}.sock"))) as site:
                secrets.append((site.node.identity.key_id, site.node._services._keys.agent_secret("cid", b"path")))
                assert not (tmp_path / name / "node.key").exists()
                assert not site.node.attestor.attested  # it is no real platform
    assert secrets[0] == secrets[1]
    assert secrets[0][0] != secrets[2][0]


async def refused(open_site: SiteFactory, data_dir: Path, attestation: Any) -> str:
    with pytest.raises(UnusableKey) as raised:
        async with open_site(data_dir=data_dir, attestation=attestation):
            raise AssertionError
    return str(raised.value)


@needs_quotes
async def test_another_key_than_the_data_were_sealed_with_is_refused(open_site: SiteFactory, tmp_path: Path) -> None:
    socket, service, file = tmp_path / "s", tmp_path / "service", tmp_path / "file"
    async with open_site(data_dir=file):
        pass
    with guest_agent(socket, Platform()) as agent:
        async with open_site(data_dir=service, attestation=Dstack(str(socket))):
            pass
        agent.key = b"x" * 32
        text = await refused(open_site, service, Dstack(str(socket)))
        assert "the key service of dstack has another key for this deployment" in text
        agent.key = b"k" * 32
        text = await refused(open_site, file, Dstack(str(socket)))
        assert "were sealed with the key in that file" in text
        async with open_site(data_dir=service, attestation=Dstack(str(socket))):
            pass  # nothing was changed by what was refused
    text = await refused(open_site, service, NoAttestation())
    assert "from the key service of dstack, which is not asked here" in text
    assert not (service / "node.key").exists()
    async with open_site(data_dir=file):
        pass


@needs_quotes
async def test_a_backup_opens_where_the_key_service_is(open_site: SiteFactory, tmp_path: Path) -> None:
    """There is no key to lose; and what was sealed is nothing without the service."""
    archive, restored = tmp_path / "backup.tar", tmp_path / "restored"
    with guest_agent(tmp_path / "s", Platform()):
        async with open_site(data_dir=tmp_path / "node", attestation=Dstack(str(tmp_path / "s"))) as site:
            receipt = await site.node.vaults.create("local", {"a": "secret"})
            done = await asyncio.to_thread(back_up, tmp_path / "node", archive)
        assert (done.key, done.key_needed) == (False, False)
        await asyncio.to_thread(restore, archive, restored)
        async with open_site(data_dir=restored, attestation=Dstack(str(tmp_path / "s"))) as site:
            assert "secret" in (await site.node.vaults.delivery("local", receipt.key)).secret
    assert "is not asked here" in await refused(open_site, restored, NoAttestation())

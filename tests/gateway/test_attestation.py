"""``GET /attestation``, and what the index says."""

import pytest

from tests.conftest import Site, SiteFactory
from tests.trust.attestation.platform import Hardware, Platform, needs_quotes
from tests.verify.support import policy_of, root_of
from wapo.node.attestation import NOTHING_ATTESTED
from wapo.verify.targets import Demands, verify_node

NONCE = "ab" * 32


async def test_a_node_without_a_tee_says_that_nothing_is_attested(site: Site) -> None:
    response = await site.client.get("/attestation", params={"nonce": NONCE})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["access-control-allow-origin"] == "*"
    answer = response.json()
    assert (answer["attested"], answer["quote"], answer["statement"]) == (False, None, NOTHING_ATTESTED)
    assert answer["nonce"] == NONCE
    index = (await site.client.get("/")).json()
    assert (index["attested"], index["attestation"]) == (False, NOTHING_ATTESTED)


@pytest.mark.parametrize("query", ["", "?nonce=", "?nonce=abc", f"?nonce={'ab' * 65}", "?nonce=zz", "?other=1"])
async def test_a_nonce_of_the_caller_is_needed(site: Site, query: str) -> None:
    response = await site.client.get(f"/attestation{query}")
    assert (response.status_code, response.headers["x-wapo-error"]) == (400, "unusable_nonce")
    assert "nonce" in response.json()["error"]


@needs_quotes
async def test_a_platform_that_is_not_intel_s_does_not_make_a_node_attested(open_site: SiteFactory) -> None:
    async with open_site(attestation=Hardware(Platform())) as site:
        answer = (await site.client.get("/attestation", params={"nonce": NONCE})).json()
        assert (answer["attested"], answer["kind"]) == (False, "tdx")
        assert answer["quote"] is not None
        assert (await site.client.get("/")).json()["attested"] is False


@needs_quotes
async def test_a_verifier_proves_a_node_over_its_socket(open_site: SiteFactory) -> None:
    """What the node calls itself does not count: it knows Intel's platforms only, the verifier this test's."""
    platform = Platform()
    async with open_site(attestation=Hardware(platform)) as site:
        policy = policy_of(platform.quote(bytes(64)))
        demands = Demands(policy, platform.collateral(), root=root_of(platform))
        found = await verify_node(f"{site.url}/", demands)
        assert found.verdict.proven, found.verdict.sentence
        (key,) = [step.evidence for step in found.verdict.steps if step.name == "node key"]
        assert key["key_id"] == site.node.identity.key_id


async def test_a_receipt_says_that_nothing_is_attested(site: Site) -> None:
    path = await site.publish("export default { fetch: () => new Response('a') };")
    response = await site.client.get(path, headers={"Accept-Signature": 'wapo=();nonce="n"'})
    receipt = (await site.client.get(f"/receipts/{response.headers['x-request-id']}")).json()
    assert receipt["attestation"] == NOTHING_ATTESTED

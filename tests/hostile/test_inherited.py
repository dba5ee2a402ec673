"""Weaknesses of the system that this one re-creates (node-and-gateway 11), where no other test shows that they are gone.
docs/worker-security.md names the tests of all of them."""

from aiohttp import web

from tests.conftest import Site, SiteFactory
from tests.content.gateways import Gateway, running
from tests.content.samples import raw_block

AGENT = "export default { fetch: () => new Response('the program %d') };"
PAGE = "export default { fetch: () => new Response('something else') };"


async def test_what_an_upstream_sends_instead_of_a_program_is_neither_run_nor_kept(open_site: SiteFactory) -> None:
    """The original ran whatever came back, error pages included, and kept it for ever (3)."""
    async with running(Gateway()) as gateway, open_site(upstreams=(gateway.url,)) as site:
        for status, expected in ((200, 502), (500, 502), (302, 502), (404, 404)):
            program = raw_block((AGENT % status).encode())

            async def instead(_request: web.Request, status: int = status) -> web.StreamResponse:
                return web.Response(status=status, text=PAGE)

            gateway.instead = instead
            response = await site.client.get(f"/ipfs/{program.cid}")
            assert response.status_code == expected
            assert "something else" not in response.text
            assert not await site.node.library.blocks.has(program.cid)
        gateway.instead = None
        gateway.store.put_verified([raw_block((AGENT % 1).encode())])
        response = await site.client.get(f"/ipfs/{raw_block((AGENT % 1).encode()).cid}")
        assert response.text == "the program 1"


async def test_an_agent_has_no_word_for_what_belongs_to_the_node(site: Site) -> None:
    """In the original's native build it could read the secret that everybody's keys are derived from (4); host scripts
    also sign, quote and read boot data, which are no agent's business."""
    source = """
    export default { fetch: () => Response.json({
      found: ['workerSign', 'workerPublicKey', 'sgxQuote', 'bootData', 'setBootData', 'tryLock', 'unlock']
        .filter((name) => name in Wapo || name in globalThis),
      names: Object.keys(process.env), secret: Wapo.workerSecret,
      text: JSON.stringify(Wapo) + Wapo.inspect(globalThis),
    }) };
    """
    response = await site.run(source)
    answer = response.json()
    other = (await site.run("/* another program */" + source)).json()
    assert answer["secret"] != other["secret"]
    assert (answer["found"], answer["names"]) == ([], ["secret"])
    assert site.node.operator_token not in response.text
    key = (site.node.settings.data_dir / "node.key").read_bytes()
    assert key.hex() not in response.text

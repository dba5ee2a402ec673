"""Agents over HTTP, from a real client through a real socket into a real machine."""

from tests.conftest import Site


async def test_an_agent_answers_at_the_hash_of_its_code(site: Site) -> None:
    response = await site.run(
        "export default { fetch: (request) => Response.json({ url: request.url }) };", tail="/a?b=c"
    )
    assert response.status_code == 200
    assert response.json() == {"url": f"{site.url}/a?b=c"}

"""Cross-origin requests (node-and-gateway 1.3.9, NEW), as a browser would judge them."""

from tests.conftest import Site
from tests.gateway.support import HELLO, Answer, get
from wapo.content.cid import Cid

PREFLIGHT = (
    "Origin: https://page.example",
    "Access-Control-Request-Method: PUT",
    "Access-Control-Request-Headers: x-a, x-b",
)
METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"


def agent(status: int = 200, headers: str = "{}", body: str = "'x'") -> str:
    return f"export default {{ fetch: () => new Response({body}, {{ status: {status}, headers: {headers} }}) }};"


def cors(answer: Answer) -> dict[str, list[str]]:
    names = {name for name, _ in answer.headers if name.startswith("access-control-")}
    return {name.removeprefix("access-control-"): answer.all(name) for name in names}


async def preflight(site: Site, source: str) -> Answer:
    return await get(site, await site.publish(source), *PREFLIGHT, method="OPTIONS")


async def test_any_origin_may_read_a_response_of_which_the_agent_says_nothing(site: Site) -> None:
    answer = await get(site, await site.publish(HELLO), "Origin: https://page.example")
    assert cors(answer) == {"allow-origin": ["*"], "expose-headers": ["X-Request-Id"]}


async def test_the_agents_own_word_counts(site: Site) -> None:
    """The request's id can be read all the same; beside credentials there is never a star."""
    source = agent(
        headers="{ 'Access-Control-Allow-Origin': 'https://a.example', 'Access-Control-Expose-Headers': 'x-mine' }"
    )
    assert cors(await get(site, await site.publish(source))) == {
        "allow-origin": ["https://a.example"], "expose-headers": ["x-mine", "X-Request-Id"],
    }  # fmt: skip
    source = agent(headers="{ 'Access-Control-Allow-Credentials': 'true' }")
    assert "allow-origin" not in cors(await get(site, await site.publish(source)))
    classic = "({ status: 200, headers: { 'access-control-allow-origin': 'null' }, body: 'x' })"
    assert cors(await get(site, await site.publish(classic)))["allow-origin"] == ["null"]


async def test_errors_can_be_read_too(site: Site) -> None:
    """Otherwise a page learns nothing but that it was refused."""
    for path in (
        await site.publish("throw new Error();"), f"/ipfs/{Cid.of(b'unknown')}", "/ipfs/no-cid", "/local",
        await site.publish(HELLO) + "?key=unknown",
    ):  # fmt: skip
        answer = await get(site, path)
        assert answer.status >= 400
        assert cors(answer) == {"allow-origin": ["*"], "expose-headers": ["X-Request-Id, X-Wapo-Error, Retry-After"]}


async def test_a_preflight_is_the_agents_if_it_answers_with_success(site: Site) -> None:
    source = agent(
        204, "{ 'Access-Control-Allow-Origin': 'https://a.example', 'Access-Control-Allow-Methods': 'PUT' }", "null"
    )
    answer = await preflight(site, source)
    assert answer.status == 204
    assert cors(answer) == {
        "allow-origin": ["https://a.example"], "allow-methods": ["PUT"], "expose-headers": ["X-Request-Id"],
    }  # fmt: skip


async def test_a_success_without_a_word_on_cors_is_completed(site: Site) -> None:
    """An agent that answers every method alike must not fail every browser by it."""
    answer = await preflight(site, HELLO)
    assert (answer.status, answer.body) == (200, b"hello")
    assert cors(answer) == {
        "allow-origin": ["*"], "allow-methods": [METHODS], "allow-headers": ["x-a, x-b"],
        "expose-headers": ["X-Request-Id"],
    }  # fmt: skip


async def test_any_other_preflight_is_answered_for_the_agent(site: Site) -> None:
    """404 as the templates have it, a failure, a redirect, a program that is not there: permission to learn of it."""
    sources = (
        agent(404),
        agent(302, "{ location: '/' }"),
        "throw new Error();",
        "export default () => ({ status: 405 });",
    )
    for path in [await site.publish(source) for source in sources] + [f"/ipfs/{Cid.of(b'unknown')}", "/ipfs/no-cid"]:
        answer = await get(site, path, *PREFLIGHT, method="OPTIONS")
        assert (answer.status, answer.body) == (204, b"")
        assert answer.all("content-length") == answer.all("content-type") == []
        assert cors(answer) == {"allow-origin": ["*"], "allow-methods": [METHODS], "allow-headers": ["x-a, x-b"]}
        assert len(answer.all("x-request-id")) == 1
    assert site.node.admission.machines == 0


async def test_a_preflight_without_headers_to_ask_for(site: Site) -> None:
    path = await site.publish(agent(404))
    answer = await get(site, path, "Access-Control-Request-Method: DELETE", method="OPTIONS")
    assert cors(answer) == {"allow-origin": ["*"], "allow-methods": [METHODS]}


async def test_options_that_is_no_preflight_is_a_method_like_any_other(site: Site) -> None:
    answer = await get(site, await site.publish(agent(404)), "Origin: https://page.example", method="OPTIONS")
    assert (answer.status, answer.body) == (404, b"x")


async def test_a_streamed_answer_to_a_preflight_that_is_not_used_ends_its_machine(site: Site) -> None:
    source = "export default { fetch: () => new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(9)); } }), { status: 404 }) };"
    assert (await preflight(site, source)).status == 204
    assert site.node.admission.machines == 0

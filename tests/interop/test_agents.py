"""Agents as their authors bundle them from npm, on this node: Hono with the original's adapter, the OpenAI SDK."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.conftest import Site

pytestmark = pytest.mark.npm


class Model:
    """A mock of the OpenAI API: streams a completion word by word, each word only when the test lets it."""

    def __init__(self) -> None:
        self.requests: list[tuple[str | None, dict[str, object]]] = []
        self.words = ["The ", "answer ", "is ", "42."]
        self.gate = asyncio.Semaphore(0)
        self.url = ""

    async def complete(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.headers.get("Authorization"), await request.json()))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for word in self.words:
            await self.gate.acquire()
            chunk = {
                "id": "c",
                "object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": {"content": word}}],
            }
            await response.write(f"data: {json.dumps(chunk)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response


@pytest.fixture
async def model() -> AsyncIterator[Model]:
    mock = Model()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", mock.complete)
    async with TestServer(app) as server:
        mock.url = str(server.make_url("/v1"))
        yield mock


async def test_a_hono_agent_of_the_original_runs_unmodified(site: Site, bundles: Path) -> None:
    """The IIFE bundle with @phala/wapo-env/guest: found to be CommonJS, answers with MessagePack."""
    source = (bundles / "hono-agent.js").read_bytes()
    response = await site.run(source, tail="?name=x")
    assert response.json() == {"message": "Hello from Hono", "query": "x", "apiKey": None}
    assert response.headers["content-type"].startswith("application/json")
    created = await site.run(source, "POST", json={"a": [1, "é"]})
    assert (created.status_code, created.headers["x-agent"], created.json()) == (
        201,
        "hono",
        {"echoed": {"a": [1, "é"]}},
    )
    assert (await site.run(source, tail="/nowhere")).status_code == 404
    broken = await site.run(source, tail="/boom")
    assert (broken.status_code, broken.text) == (500, "Internal Server Error")


async def test_secrets_reach_a_hono_agent_through_the_environment(site: Site, bundles: Path) -> None:
    path = await site.publish((bundles / "hono-agent.js").read_bytes())
    receipt = (
        await site.client.post("/vaults", json={"cid": path.removeprefix("/ipfs/"), "data": {"apiKey": "sk-1"}})
    ).json()
    assert (await site.client.get(f"{path}?key={receipt['key']}")).json()["apiKey"] == "sk-1"
    assert (await site.client.get(path)).json()["apiKey"] is None


async def test_a_hono_app_is_an_agent_by_itself(site: Site, bundles: Path) -> None:
    """The app object has a fetch method, so it is the fetch convention; routes see the path after the CID."""
    source = (bundles / "hono-fetch-agent.js").read_bytes()
    assert (await site.run(source)).text == "root"
    assert (await site.run(source, tail="/users/7")).json() == {"id": "7"}
    assert (await site.run(source, tail="/x")).text == "no such route"
    events = await site.run(source, tail="/events")
    assert events.headers["content-type"].startswith("text/event-stream")
    assert events.text.count("event: tick") == 3


async def test_the_openai_sdk_streams_in_a_classic_agent(site: Site, bundles: Path, model: Model) -> None:
    """The bundle of the original's build tool; the secret comes with the request."""
    for _ in model.words:
        model.gate.release()
    path = await site.publish((bundles / "openai-agent.js").read_bytes())
    data = {"apiKey": "sk-test", "baseURL": model.url}
    receipt = (await site.client.post("/vaults", json={"cid": path.removeprefix("/ipfs/"), "data": data})).json()
    response = await site.client.get(path, params={"key": receipt["key"], "question": "what?"})
    assert response.json() == {"answer": "The answer is 42.", "pieces": 4}, await site.log(path)
    authorization, body = model.requests[0]
    assert authorization == "Bearer sk-test"
    assert body["messages"] == [{"role": "user", "content": "what?"}]


async def test_a_completion_is_passed_on_while_it_is_streamed(site: Site, bundles: Path, model: Model) -> None:
    """Each word reaches the caller before the model is allowed to say the next one."""
    path = await site.publish((bundles / "openai-stream-agent.js").read_bytes())
    data = {"apiKey": "sk-test", "baseURL": model.url}
    receipt = (await site.client.post("/vaults", json={"cid": path.removeprefix("/ipfs/"), "data": data})).json()
    model.gate.release()
    received = ""
    async with site.client.stream("GET", path, params={"key": receipt["key"], "question": "what?"}) as response:
        async for text in response.aiter_text():
            received += text
            model.gate.release()
    assert received == "The answer is 42."

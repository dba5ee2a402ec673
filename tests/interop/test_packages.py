"""Packages from npm: a program that uses one does here what it does in Node, as it is bundled for the web and for Node.

The programs are ``agents/packages``; one prints what it got, line by line.
"""

import asyncio
from pathlib import Path

import pytest

from tests.conftest import Site
from tests.guest.test_node_modules import in_guest, in_node
from tests.interop.model_server import model_server
from wapo.agents.profile import JavaScriptProfile

pytestmark = pytest.mark.npm

#: Programs, and how many lines each prints at least. Those with a server are short because each line is a whole call.
PROGRAMS = {
    "ai": 6, "anthropic": 6, "axios": 11, "ethers": 7, "jose": 10, "jose4": 12, "jsonwebtoken": 14, "ky": 6, "langchain": 8,
    "noble": 6, "openai": 8, "polkadot": 5, "small": 10, "viem": 7, "ws": 5, "zod": 5,
}  # fmt: skip
#: cheerio's bundle for Node has a whole HTTP client over sockets in it, which asks for Node's version as it is loaded.
#: ws itself speaks HTTP over a socket; its build for browsers is the platform's WebSocket.
ONLY_WEB = {"small", "ws"}
ONLY_NODE = {"jose4", "jsonwebtoken"}
CASES = [
    (name, target) for name in PROGRAMS for target in ("browser", "node")
    if name not in (ONLY_NODE if target == "browser" else ONLY_WEB)
]  # fmt: skip


@pytest.mark.parametrize(("name", "target"), CASES)
async def test_a_package_does_as_in_node(profile: JavaScriptProfile, bundles: Path, name: str, target: str) -> None:
    path = bundles / target / f"{name}.js"
    module = path.with_suffix(".mjs")
    if not module.exists():
        module.symlink_to(path)
    async with model_server() as url:
        expected = await in_node(module, {"SERVER": url})
    async with model_server() as url:
        said = await in_guest(profile, path, {"SERVER": url})
    assert len(expected) >= PROGRAMS[name]
    assert said == expected


async def test_a_server_of_the_model_context_protocol(site: Site, bundles: Path) -> None:
    """Tools, resources and prompts over the streamable HTTP transport, as JSON and as events."""
    path = await site.publish((bundles / "browser" / "mcp.js").read_bytes())

    async def call(method: str, parameters: dict[str, object], query: str = "?json") -> str:
        message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        headers = {"Accept": "application/json, text/event-stream"}
        response = await site.client.post(path + query, json=message, headers=headers)
        assert response.status_code == 200, await site.log(path)
        return response.text

    start = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    assert '"serverInfo":{"name":"agent"' in await call("initialize", start)
    assert '"name":"add"' in await call("tools/list", {})
    added = await call("tools/call", {"name": "add", "arguments": {"a": 2, "b": 3}}, query="")
    assert added.startswith("event: message")
    assert '"text":"5"' in added
    assert '"isError":true' in await call("tools/call", {"name": "add", "arguments": {"a": "x"}})
    assert '"text":"Hello"' in await call("resources/read", {"uri": "greeting://hello"})
    assert "Tell me about x" in await call("prompts/get", {"name": "ask", "arguments": {"topic": "x"}})


async def test_the_context_of_a_request_is_its_own(site: Site, bundles: Path) -> None:
    """hono's context storage: an AsyncLocalStorage across timers and awaits."""
    path = await site.publish((bundles / "node" / "context.js").read_bytes())
    names = ["ann", "bob", "cem"]
    answers = await asyncio.gather(*(site.client.get(f"{path}/{name}") for name in names))
    assert [answer.text for answer in answers] == [f"hello {name}" for name in names], await site.log(path)

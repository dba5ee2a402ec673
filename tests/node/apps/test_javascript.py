"""JavaScript as an app: the package's engine and scripts, deployed as any program (wapojs-api.md section 1)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.node.apps.conftest import Site, worker_factory
from wapo.agents.profile import JavaScriptProfile
from wapo.engine.modules import ModuleCache
from wapo.node.apps.app import App
from wapo.vm.net.network import NetworkSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(
    tmp_path_factory: pytest.TempPathFactory, module_cache: ModuleCache, profile: JavaScriptProfile
) -> AsyncIterator[Site]:
    """A worker for all of them."""
    folder: Path = tmp_path_factory.mktemp("worker")
    network = NetworkSettings(listen_ports=(0, 65535), tls_host="127.0.0.1", tls_port=0, verify_sni_certificates=False)
    async with worker_factory(folder, module_cache, profile)(restart_after_s=1e9, network=network) as opened:
        yield opened


async def test_an_app_answers_queries(site: Site) -> None:
    app = await site.deploy_scripts(
        "Wapo.queryListen(q => Wapo.queryReply(q.replyTx, `${q.path} ${Wapo.utf8Decode(q.payload)} ${q.origin}`))"
    )
    assert await site.ask(app, "/echo", "hi") == b"/echo hi null"


async def deploy_server(site: Site, *scripts: str) -> tuple[App, int]:
    """An app that listens on a port of the system's choice."""
    ports: asyncio.Queue[int] = asyncio.Queue()
    site.worker.network.on_listen = lambda _owner, port: ports.put_nowait(port)
    app = await site.deploy_scripts(*scripts)
    return app, await asyncio.wait_for(ports.get(), 20)


SERVER = """
Wapo.httpsListen({ address: '127.0.0.1:0' }, async (req) => {
  const chunks = [];
  await new Promise((resolve) => Wapo.streamOpenRead(req.opaqueInputStream, (command, data) => {
    if (command === 'data') chunks.push(data); else resolve();
  }));
  const body = Wapo.concatU8a(chunks);
  Wapo.httpsSendResponseHead(req.opaqueResponseTx, { status: 201, headers: { 'x-method': req.method, 'Content-Type': 'text/plain' } });
  const writer = Wapo.streamOpenWrite(req.opaqueOutputStream);
  Wapo.streamWriteChunk(writer, `${req.method} ${req.url} ${body.length}`, () => {});
  Wapo.streamClose(writer);
});
"""


async def test_plain_http(site: Site) -> None:
    app, port = await deploy_server(site, SERVER)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for size in (0, 10, 100_000):
            answer = await client.post(f"/a?b={size}", content=b"x" * size)
            assert (answer.status_code, answer.text) == (201, f"POST /a?b={size} {size}")
            assert answer.headers["x-method"] == "POST"
        answer = await client.get("/")
        assert answer.text == "GET / 0"
        assert (await client.head("/")).headers["x-method"] == "HEAD"
    await site.worker.remove(app.address)

"""Helia, another implementation of IPFS, and Wapo read from each other.

Nothing here goes over the internet except, once, the installation of the packages.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.conftest import SiteFactory
from tests.content.samples import content
from tests.npm_packages import environment, node, workspace
from wapo.content.cid import Cid
from wapo.content.errors import HashMismatch, IsADirectory
from wapo.content.importer import KUBO, KUBO_V1, Layout
from wapo.content.library import Library, open_library
from wapo.content.trustless import answer, parse_request

pytestmark = pytest.mark.npm

VECTORS = Path(__file__).parents[1] / "content" / "vectors" / "unixfs.json"


@pytest.fixture(scope="session")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of tests/interop/helia, with their packages."""
    return workspace(Path(__file__).parent / "helia", tmp_path_factory.mktemp("helia") / "scripts")


async def run(script: Path, *args: str) -> tuple[int, str, str]:
    """Run a script to its end; its status, what it printed, what it complained about."""
    process = await asyncio.create_subprocess_exec(
        node(), script, *args, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment()
    )
    out, complaints = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), complaints.decode()


@asynccontextmanager
async def helia_gateway(scripts: Path) -> AsyncIterator[dict[str, Any]]:
    """What gateway.mjs has, and under "url" where."""
    process = await asyncio.create_subprocess_exec(
        node(),
        scripts / "gateway.mjs",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        has = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        yield {**has, "url": f"http://127.0.0.1:{has['port']}"}
    finally:
        process.stdin.close()
        await process.wait()


async def asked(helia: dict[str, Any]) -> dict[str, int]:
    """How often gateway.mjs was asked for each format."""
    async with aiohttp.ClientSession() as session, session.get(helia["url"] + "/asked") as response:
        counts: dict[str, int] = await response.json()
        return counts


FILES = {"small": 1000, "large": 3_000_000, "wrapped": 1_000_000, "deep": 100_000}


@pytest.mark.parametrize("manner", ["", "/blocks"], ids=["archives", "blocks"])
async def test_we_read_what_helia_made(scripts: Path, tmp_path: Path, manner: str) -> None:
    """Files of all shapes, directories, shards; as Helia's own archives and block by block."""
    async with helia_gateway(scripts) as helia, open_library(tmp_path, [helia["url"] + manner]) as library:
        for name, size in FILES.items():
            program = await library.program(Cid.parse(helia[name]), ["api"])
            assert program.read() == content(size)
            assert program.rest == ("api",)
        # The root of each file as a block, the rest of those that have more in one archive, or one by one.
        assert await asked(helia) == ({"raw": 4, "car": 3} if not manner else {"raw": ANY, "car": 1})
        directory = Cid.parse(helia["directory"])
        assert (await library.program(directory, ["0"])).read() == content(1000)
        assert (await library.program(directory, ["lib", "a.js", "x"])).read() == content(3_000_000)
        for name, count in (("sharded", 1000), ("data_first", 300)):
            for index in range(0, count, 7):
                program = await library.program(Cid.parse(helia[name]), [f"entry-{index}.txt"])
                assert program.read() == content(1 + index % 10)
            with pytest.raises(IsADirectory):
                await library.program(Cid.parse(helia[name]), [f"entry-{count}.txt"])


@pytest.mark.parametrize("name", ["large", "wrapped", "deep"])
async def test_one_tampered_block_is_refused(scripts: Path, tmp_path: Path, name: str) -> None:
    """In an archive that Helia wrote, and as a block; with an honest gateway beside it, all is well."""
    async with helia_gateway(scripts) as helia:
        cid, tampered = Cid.parse(helia[name]), helia["url"] + "/tampered"
        async with open_library(tmp_path / "one", [tampered]) as library:
            with pytest.raises(HashMismatch, match="/tampered gave"):
                await library.program(cid)
        async with open_library(tmp_path / "two", [tampered, helia["url"]]) as library:
            assert (await library.program(cid)).read() == content(FILES[name])


async def test_a_node_with_an_empty_store_runs_an_agent_that_helia_serves(
    scripts: Path, open_site: SiteFactory
) -> None:
    """Fetched, verified, run; kept, so that it runs when Helia has gone."""
    async with helia_gateway(scripts) as helia, open_site(upstreams=(helia["url"],)) as site:
        response = await site.client.get(f"/ipfs/{helia['agent']}")
        assert (response.status_code, response.text) == (200, "from helia")
    async with open_site(upstreams=(helia["url"],)) as site:
        assert (await site.client.get(f"/ipfs/{helia['agent']}")).text == "from helia"


async def test_a_node_refuses_an_agent_with_one_tampered_block(scripts: Path, open_site: SiteFactory) -> None:
    """502, naming who sent it; nothing is kept, so an honest upstream helps at the next request."""
    async with helia_gateway(scripts) as helia:
        async with open_site(upstreams=(helia["url"] + "/tampered",)) as site:
            response = await site.client.get(f"/ipfs/{helia['agent']}")
            assert (response.status_code, response.headers["x-wapo-error"]) == (502, "hash_mismatch")
            assert "/tampered" in response.json()["error"]
        async with open_site(upstreams=(helia["url"],)) as site:
            assert (await site.client.get(f"/ipfs/{helia['agent']}")).text == "from helia"


@asynccontextmanager
async def serving(library: Library) -> AsyncIterator[str]:
    """Our own trustless side, behind the smallest HTTP server there is."""

    async def serve(request: web.Request) -> web.StreamResponse:
        accept = request.headers.get("Accept", "")
        asked = parse_request(Cid.parse(request.match_info["cid"]), [], request.query, accept)
        assert asked is not None
        sent = await answer(asked, library.blocks)
        response = web.StreamResponse(headers=sent.headers)
        await response.prepare(request)
        async for piece in sent.body:
            await response.write(piece)
        return response

    app = web.Application()
    app.router.add_get("/ipfs/{cid}", serve)
    server = TestServer(app)
    await server.start_server()
    try:
        yield str(server.make_url("/")).rstrip("/")
    finally:
        await server.close()


@pytest.mark.parametrize("layout", [KUBO, KUBO_V1], ids=["version 0", "version 1"])
@pytest.mark.parametrize("kind", ["raw", "car"])
async def test_helia_reads_what_we_published(scripts: Path, tmp_path: Path, kind: str, layout: Layout) -> None:
    """With its gateway client, and with its archive reader."""
    sizes = [0, 1, 1000, 262_145, 3_000_000]
    async with open_library(tmp_path) as library, serving(library) as url:
        cids = {}
        for size in sizes:
            cids[str(await library.publish(content(size), layout=layout))] = size
        status, out, complaints = await run(scripts / "client.mjs", url, kind, *cids)
    assert status == 0, complaints
    assert json.loads(out) == {cid: hashlib.sha256(content(size)).hexdigest() for cid, size in cids.items()}


async def test_the_vectors_are_what_the_importer_makes(scripts: Path) -> None:
    """tests/content/vectors/unixfs.json cannot drift."""
    status, out, complaints = await run(scripts / "make_vectors.mjs")
    assert status == 0, complaints
    assert json.loads(out) == json.loads(VECTORS.read_text())

"""Agents that import content: over the gateway, from an upstream, with an identity of their own in a directory."""

import asyncio
from pathlib import Path

from tests.conftest import Site, SiteFactory
from tests.content.gateways import Gateway, running
from tests.gateway.support import assert_failed, until
from wapo.content.cid import Cid
from wapo.content.importer import pack_bytes, store_now
from wapo.content.tree import pack_path

LIBRARY = b"export const greet = (name) => `hello ${name}`;"
#: Tells which files it is made of, and a secret that only it gets.
MAIN = (
    "import { part } from './lib/part.js';"
    "export default { fetch(request, env) { return new Response([part, Wapo.deriveSecret('x').toHex().slice(0, 16),"
    " env.given ?? '', new URL(request.url).pathname].join(' ')); } };"
)


def serving(expression: str) -> str:
    return f"export default {{ async fetch(request) {{ return new Response({expression}); }} }};"


def put(gateway: Gateway, source: bytes | Path) -> str:
    """Content for an upstream; its CID."""
    packing = pack_bytes(source) if isinstance(source, bytes) else pack_path(source)
    return str(store_now(gateway.store, packing).cid)


def folder(path: Path, files: dict[str, str]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(content)
    return path


async def test_what_is_imported_comes_from_an_upstream_verified_and_once(
    open_site: SiteFactory, tmp_path: Path
) -> None:
    """Statically when the image is made, dynamically when a request asks for it; a directory's files as well."""
    async with running(Gateway()) as gateway, open_site(upstreams=(gateway.url,)) as site:
        library = put(gateway, LIBRARY)
        parts = put(
            gateway,
            folder(tmp_path / "parts", {"a.js": "export { b } from './b.js';", "b.js": "export const b = 'B';"}),
        )
        main = put(
            gateway,
            f"import {{ greet }} from 'ipfs://{library}';".encode()
            + serving(f"greet((await import('ipfs://{parts}/a.js')).b)").encode(),
        )
        for _ in range(2):
            response = await site.client.get(f"/ipfs/{main}")
            assert (response.status_code, response.text) == (200, "hello B")
            seen = gateway.asked.copy()
        assert gateway.asked == seen


async def test_an_upstream_that_lies_fails_the_import_and_not_the_program(open_site: SiteFactory) -> None:
    async with running(Gateway()) as gateway, open_site(upstreams=(gateway.url,)) as site:
        library = put(gateway, LIBRARY)
        main = put(gateway, f"import {{ greet }} from 'ipfs://{library}';".encode() + serving("greet('you')").encode())
        gateway.tampered.add(Cid.parse(library).v1())
        assert_failed(await site.client.get(f"/ipfs/{main}"), 502, "import_failed")
        await site.node.logs.flush()
        (line,) = await site.log(main)
        assert line.startswith("TypeError: cannot import 'ipfs://")
        assert "' from 'agent.js': " in line
        gateway.tampered.clear()
        site.node.library.lookups._missed.clear()  # seconds later
        assert (await site.client.get(f"/ipfs/{main}")).text == "hello you"


async def test_a_program_with_files_beside_it_is_its_directory(site: Site, tmp_path: Path) -> None:
    """The same file beside another file is another program: it must not get the secrets of the first."""
    answers = {}
    for part in ("one", "two"):
        path = folder(tmp_path / part, {"main.js": MAIN, "lib/part.js": f"export const part = '{part}';"})
        address = f"/ipfs/{await site.node.library.publish(path)}/main.js"
        answers[part] = (address, (await site.client.get(f"{address}/a/b")).text.split(" "))
    (first, one), (second, two) = answers["one"], answers["two"]
    assert (one[0], two[0]) == ("one", "two")
    assert one[1] != two[1]
    assert one[3] == "/a/b"
    stored = (await site.client.post("/vaults", json={"cid": first, "data": {"given": "s3cret"}})).json()
    assert (await site.client.get(first, params={"key": stored["key"]})).text.split(" ")[2] == "s3cret"
    refused = await site.client.get(second, params={"key": stored["key"]})
    assert "s3cret" not in refused.text
    await site.node.logs.flush()
    assert len(await site.log(first, "REPORT")) == 4
    identity = await site.node.programs.identity_of(first.removeprefix("/ipfs/"))
    root, _, rest = identity.partition("/")
    assert (root.startswith("bafybei"), rest) == (True, "main.js")


async def test_a_program_in_a_directory_that_imports_none_of_it_is_its_file(site: Site, tmp_path: Path) -> None:
    source = f"import {{ greet }} from 'ipfs://{await site.node.library.publish(LIBRARY)}';" + serving(
        "greet(Wapo.deriveSecret('x').toHex())"
    )
    alone = await site.run(source)
    path = folder(tmp_path / "app", {"main.js": source})
    assert (await site.client.get(f"/ipfs/{await site.node.library.publish(path)}/main.js")).text == alone.text


async def test_a_file_of_this_machine_and_what_it_imports(open_site: SiteFactory, tmp_path: Path) -> None:
    """A change of either is served from the next request on."""
    path = folder(tmp_path / "app", {"main.js": MAIN, "lib/part.js": "export const part = 'first';"})
    async with open_site(local_file=path / "main.js") as site:
        assert (await site.client.get("/local/x")).text.startswith("first ")
        (path / "lib" / "part.js").write_text("export const part = 'second';")
        assert (await site.client.get("/local/x")).text.startswith("second ")
        (path / "lib" / "part.js").unlink()
        assert_failed(await site.client.get("/local/x"), 500, "agent_failed")
        (path / "lib" / "part.js").write_text("export const part = 'third';")
        assert (await site.client.get("/local/x")).text.startswith("third ")


async def test_for_clients_that_have_gone_nothing_waits_for_an_import(open_site: SiteFactory) -> None:
    """The machine that stands still in it goes, their places are free at once, and who comes later is served."""
    asked, answering = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await answering.wait()
        writer.close()

    upstream = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{upstream.sockets[0].getsockname()[1]}"
    async with upstream, open_site(upstreams=(url,)) as site:
        node, absent = site.node, Cid.of(b"nobody has this")
        for source in (f"await import('ipfs://{absent}');", f"import 'ipfs://{absent}';"):
            path = await site.publish(source + serving("'never'"))
            asked.clear()
            clients = [asyncio.ensure_future(site.client.get(path)) for _ in range(5)]
            async with asyncio.timeout(10):
                await asked.wait()
                await until(lambda: node.admission.machines == 5)
                for client in clients:
                    client.cancel()
                await asyncio.gather(*clients, return_exceptions=True)
                await until(lambda: node.admission.machines == 0 and not node._scheduler.guests)
            assert (await site.run(serving(f"'still here {len(source)}'"))).status_code == 200
        # Who comes later waits for another, and hears of that.
        waiting = asyncio.ensure_future(site.client.get(path))
        await until(lambda: node.admission.machines == 1)
        answering.set()
        assert_failed(await waiting, 502, "import_failed")

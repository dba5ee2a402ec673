"""JavaScript as an app: the package's engine and a script, deployed as any program (wapojs-api.md section 1)."""

import hashlib
from typing import Any

from tests.node.apps.conftest import Site
from wapo.agents.profile import guest_module
from wapo.node.apps.app import App
from wapo.node.apps.blobs import BlobName


async def deploy(site: Site, *scripts: str, args: tuple[str, ...] = (), **manifest: Any) -> App:
    """Deploys the engine with scripts as blobs."""
    words: list[str] = []
    for script in scripts:
        name = site.worker.blobs.put(BlobName.parse("sha256:", partial=True), script.encode())
        words += ["--code-hash", str(name)]
    code = f"sha256:{hashlib.sha256(guest_module()).hexdigest()}"
    site.worker.blobs.put(BlobName.parse("sha256:", partial=True), guest_module())
    return await site.deploy(*words, *(("--", *args) if args else ()), code_hash=code, **manifest)


async def test_an_app_answers_queries(site: Site) -> None:
    app = await deploy(
        site, "Wapo.queryListen(q => Wapo.queryReply(q.replyTx, `${q.path} ${Wapo.utf8Decode(q.payload)} ${q.origin}`))"
    )
    try:
        assert await site.ask(app, "/echo", "hi") == b"/echo hi null"
    finally:
        print(await site.log(app))

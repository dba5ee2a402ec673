"""``wapo app deploy SCRIPT``: a script is an app."""

import asyncio
from pathlib import Path

from tests.cli.support import wapo_process
from tests.gateway.conftest import TOKEN, Listening, listening, open_listeners, open_worker  # noqa: F401 - fixtures


async def test_a_script_becomes_an_app_that_answers(listening: Listening, folder: Path) -> None:  # noqa: F811
    script = folder / "counter.js"
    script.write_text("""
      let count = 0;
      Wapo.queryListen((q) => Wapo.queryReply(q.replyTx, `${scriptArgs} ${process.env.NAME} ${++count}`));
      export default { fetch: (request) => new Response(`${new URL(request.url).pathname} ${++count}`) };""")
    made = await asyncio.to_thread(
        wapo_process, "app", "deploy", script, "one", "two", "--env", "NAME=x",
        "--admin", str(listening.admin.base_url), "--token", TOKEN,
    )  # fmt: skip
    assert made.code == 0, made.err
    address = made.out.strip()
    assert (await listening.user.get(f"/app/{address}/path")).text == "/path 1"
    assert (await listening.user.post(f"/app/{address}/", content=b"x")).text == "/ 2"
    app = listening.site.worker.app(bytes.fromhex(address.removeprefix("0x")))
    assert app.manifest.label == "counter"
    assert await listening.site.ask(app, "/") == b"one,two x 3"


async def test_a_script_may_leave_http(listening: Listening) -> None:  # noqa: F811
    """After a 101 the two streams carry raw bytes, through the worker's listener too."""
    app = await listening.site.deploy_scripts("""
      Wapo.httpListen((req) => {
        Wapo.httpSendResponseHead(req.opaqueResponseTx, { status: 101, headers: { Upgrade: 'echo' } });
        Wapo.streamBridge({ input: req.opaqueInputStream, output: req.opaqueOutputStream });
      });""")
    reader, writer = await asyncio.open_connection(listening.user.base_url.host, listening.user.base_url.port)
    writer.write(
        f"GET /app/0x{app.address.hex()}/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nearly".encode()
    )
    assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)).startswith(b"HTTP/1.1 101")
    writer.write(b" later")
    assert await asyncio.wait_for(reader.readexactly(11), 20) == b"early later"
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 20) == b""
    writer.close()


async def test_the_example_of_an_app(listening: Listening) -> None:  # noqa: F811
    """examples/apps/notes.js keeps its notes when it is stopped and started again."""
    script = (Path(__file__).parents[2] / "examples" / "apps" / "notes.js").read_text()
    app = await listening.site.deploy_scripts(script)
    url = f"/app/0x{app.address.hex()}/shopping"
    assert (await listening.user.get(url)).status_code == 404
    assert (await listening.user.post(url, content="milk")).status_code == 204
    await listening.site.worker.stop(app.address)
    assert await listening.site.worker.resize(app.address, 1) == 1
    assert (await listening.user.get(url)).text == "milk"
    assert await listening.site.ask(app, "/shopping") == b"milk"

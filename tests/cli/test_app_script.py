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

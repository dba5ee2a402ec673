"""A real browser, without a screen, driven by its DevTools protocol."""

import asyncio
import contextlib
import json
import shutil
import urllib.request
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.asyncio.client import ClientConnection, connect

__all__ = ["Browser", "browser", "needs_chromium"]

CHROMIUM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium")
_OPTIONS: Final = (
    "--headless=new", "--remote-debugging-port=0", "--no-first-run", "--disable-gpu", "--disable-dev-shm-usage",
    "--no-sandbox",  # which it refuses to have as root, as in most containers
    "--disable-extensions", "--disable-component-update", "--disable-background-networking", "--proxy-server=direct://",
)  # fmt: skip


class Browser:
    """One page of it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = count(1)
        #: What the page complained of: blocked by its policy, exceptions, errors in the console.
        self.complaints: list[str] = []

    async def _call(self, method: str, **params: Any) -> Any:
        number = next(self._ids)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = await self._receive()
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    async def _receive(self) -> Any:
        message = json.loads(await asyncio.wait_for(self._socket.recv(), 60))
        told = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(told["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.complaints.append(told["entry"]["text"])
        return message

    async def go_to(self, url: str) -> None:
        """Returns when the page has loaded."""
        for domain in ("Page", "Runtime", "Log"):
            await self._call(f"{domain}.enable")
        await self._call("Page.navigate", url=url)
        while (await self._receive()).get("method") != "Page.loadEventFired":
            pass

    async def ran(self, code: str) -> Any:
        """What an asynchronous function with that body returns in the page."""
        result = await self._call(
            "Runtime.evaluate", expression=f"(async () => {{ {code} }})()", awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")


@contextlib.asynccontextmanager
async def browser(profile: Path) -> AsyncIterator[Browser]:
    """A browser of its own, with a profile in that directory."""
    assert CHROMIUM is not None
    process = await asyncio.create_subprocess_exec(
        CHROMIUM, *_OPTIONS, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(60):
            while b"DevTools listening on" not in (line := await process.stderr.readline()):
                assert line, "Chromium ended before it listened"
        port = line.decode().split("127.0.0.1:")[1].split("/")[0]
        rest = asyncio.create_task(process.stderr.read())
        async with connect(f"ws://127.0.0.1:{port}{await _page_of(int(port))}", max_size=None) as socket:
            yield Browser(socket)
        rest.cancel()
    finally:
        process.kill()
        await process.wait()


async def _page_of(port: int) -> str:
    """The path of the page's socket."""

    def asked() -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list", timeout=30) as response:
            return json.load(response)

    pages = [one for one in await asyncio.to_thread(asked) if one["type"] == "page"]
    path: str = pages[0]["webSocketDebuggerUrl"]
    return "/" + path.split("/", 3)[3]

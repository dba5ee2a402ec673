"""XMLHttpRequest in agents, to a real server (https://xhr.spec.whatwg.org/)."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.conftest import Site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[str]:
    """Tells what it got, gives pieces, waits, or hangs up."""

    async def echo(request: web.Request) -> web.Response:
        body = await request.read()
        headers = {"X-A": "b", "Set-Cookie": "c=d"}
        return web.json_response(
            {
                "method": request.method,
                "body": body.decode("latin-1"),
                "headers": {name.lower(): value for name, value in request.headers.items()},
            },
            headers=headers,
        )

    async def pieces(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "6", "Content-Type": "text/plain"})
        await response.prepare(request)
        await response.write(b"\xc3")
        await asyncio.sleep(0.08)
        await response.write(b"\xa9a")
        await asyncio.sleep(0.08)
        await response.write(b"bcd" if request.query_string != "cut" else b"b")
        if request.query_string == "cut":
            assert request.transport is not None
            request.transport.abort()
        return response

    async def wait(request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    async def redirect(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("/echo#f")

    app = web.Application()
    for path, handler in (("/echo", echo), ("/pieces", pieces), ("/wait", wait), ("/redirect", redirect)):
        app.router.add_route("*", path, handler)
    async with TestServer(app, shutdown_timeout=0.1) as running:
        yield str(running.make_url("/"))


async def run(site: Site, url: str, code: str) -> Any:
    """The log of a request that the code prepares and sends, with every event of it."""
    source = f"""
    export default {{ async fetch() {{
      const url = '{url}', log = [], xhr = new XMLHttpRequest();
      await new Promise((resolve) => {{
        for (const type of ['loadstart', 'progress', 'load', 'error', 'abort', 'timeout', 'loadend']) {{
          xhr['on' + type] = (e) => {{ log.push([type, e.loaded, e.total]); if (type === 'loadend') resolve(); }};
        }}
        xhr.onreadystatechange = () => log.push([xhr.readyState, xhr.status, xhr.responseType === '' ? xhr.responseText : null]);
        {code}
      }});
      return Response.json(log);
    }} }};"""
    response = await site.run(source)
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_post(site: Site, server: str) -> None:
    """Headers of both sides, and the upload's events."""
    log = await run(site, server + "redirect", """
      for (const type of ['loadstart', 'progress', 'load', 'loadend']) xhr.upload['on' + type] = (e) => log.push(['upload ' + type, e.loaded, e.total]);
      xhr.responseType = 'json';
      xhr.open('post', url);
      xhr.setRequestHeader('X-Two', 'a');
      xhr.setRequestHeader('x-two', 'b');
      xhr.send('hé');
      xhr.addEventListener('load', () => log.push(xhr.response, xhr.getAllResponseHeaders(), xhr.responseURL, xhr.getResponseHeader('X-A')));
    """)  # fmt: skip
    got, headers, url, header = log[-5:-1]
    assert [item[0] for item in log if isinstance(item, list)] == [
        1, "loadstart", "upload loadstart", "upload progress", "upload load", "upload loadend", 2, 3, "progress", "progress",
        4, "load", "loadend",
    ]  # fmt: skip
    assert ["upload load", 3, 3] in log
    assert (got["method"], got["body"]) == ("POST", "h\xc3\xa9")
    assert (got["headers"]["x-two"], got["headers"]["content-type"]) == ("a, b", "text/plain;charset=UTF-8")
    assert headers.startswith("content-length: ")
    assert "\r\nx-a: b\r\n" in headers
    assert (url, header) == (server + "echo", "b")


async def test_bodies(site: Site, server: str) -> None:
    source = """
    export default { async fetch(request) {
      const url = new URL(request.url).searchParams.get('to');
      const bodies = [new Uint8Array([1, 255]), new Blob(['x'], { type: 'A/B' }), new URLSearchParams({ a: 'b c' }), null, undefined, 12];
      const form = new FormData();
      form.append('n', 'v');
      const send = (body, type) => new Promise((resolve) => {
        const xhr = new XMLHttpRequest();
        xhr.open('PUT', url);
        if (type) xhr.setRequestHeader('content-type', type);
        xhr.onload = () => { const { body, headers } = JSON.parse(xhr.responseText); resolve([body, headers['content-type']]); };
        xhr.send(body);
      });
      const log = await Promise.all(bodies.map((body) => send(body)));
      log.push(await send('é', 'text/x;charset=latin1; a=b'), await send('é', 'text/x'), (await send(form))[1].split('=')[0]);
      return Response.json(log);
    } };"""
    response = await site.run(source, tail=f"?to={server}echo")
    assert response.status_code == 200, await site.log(await site.publish(source))
    log = response.json()
    assert log == [
        ["\1\xff", None], ["x", "a/b"], ["a=b+c", "application/x-www-form-urlencoded;charset=UTF-8"], ["", None], ["", None],
        ["12", "text/plain;charset=UTF-8"], ["\xc3\xa9", "text/x;charset=UTF-8; a=b"], ["\xc3\xa9", "text/x"],
        "multipart/form-data; boundary",
    ]  # fmt: skip


async def test_progress(site: Site, server: str) -> None:
    """Text grows, and no half of a character is ever seen."""
    log = await run(site, server + "pieces", "xhr.open('GET', url); xhr.send();")
    assert log == [
        [1, 0, ""], ["loadstart", 0, 0], [2, 200, ""], [3, 200, ""], ["progress", 1, 6], [3, 200, "éa"], ["progress", 3, 6],
        [3, 200, "éabcd"], ["progress", 6, 6], ["progress", 6, 6], [4, 200, "éabcd"], ["load", 6, 6], ["loadend", 6, 6],
    ]  # fmt: skip


async def test_a_response_that_is_cut_off(site: Site, server: str) -> None:
    log = await run(site, server + "pieces?cut", "xhr.open('GET', url); xhr.send();")
    assert log[-3:] == [[4, 0, ""], ["error", 0, 0], ["loadend", 0, 0]]


async def test_timeout_and_abort(site: Site, server: str) -> None:
    log = await run(site, server + "wait", "xhr.open('GET', url); xhr.timeout = 30; xhr.send();")
    assert log == [[1, 0, ""], ["loadstart", 0, 0], [4, 0, ""], ["timeout", 0, 0], ["loadend", 0, 0]]
    log = await run(
        site,
        server + "wait",
        "xhr.open('GET', url); xhr.send(); xhr.timeout = 20; setTimeout(() => (xhr.timeout = 0), 5); setTimeout(() => xhr.abort(), 60);",
    )
    assert log == [[1, 0, ""], ["loadstart", 0, 0], [4, 0, ""], ["abort", 0, 0], ["loadend", 0, 0]]


async def test_credentials(site: Site, server: str) -> None:
    log = await run(
        site,
        server + "echo",
        "xhr.responseType = 'json'; xhr.open('GET', url, true, 'me', 'p w'); xhr.onload = () => log.push(xhr.response.headers.authorization); xhr.send();",
    )
    assert "Basic bWU6cCB3" in log

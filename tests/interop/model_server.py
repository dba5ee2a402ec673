"""Servers of models, as their SDKs talk to them, and an HTTP server for clients to try."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

__all__ = ["model_server"]

_ANSWER = "Hello there friend"
_EVENTS = {"Content-Type": "text/event-stream"}


async def _streaming(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers=_EVENTS)
    await response.prepare(request)
    return response


async def completions(request: web.Request) -> web.StreamResponse:
    """OpenAI's chat completions: calls the first tool that is offered, then says what it said."""
    asked = await request.json()
    last = asked["messages"][-1]
    message: dict[str, Any]
    if last["role"] == "tool":
        message, reason = {"content": f"It is {last['content']}."}, "stop"
    elif asked.get("tools"):
        function = {"name": asked["tools"][0]["function"]["name"], "arguments": '{"city":"Paris"}'}
        message = {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
        reason = "tool_calls"
    else:
        text = '{"name":"Ann","age":5}' if asked.get("response_format") else _ANSWER
        message, reason = {"content": text}, "stop"
    base = {"id": "c1", "created": 1, "model": "m"}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    if not asked.get("stream"):
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
        return web.json_response({**base, "object": "chat.completion", "choices": [choice], "usage": usage})
    response = await _streaming(request)

    async def send(choices: list[dict[str, Any]], **more: Any) -> None:
        chunk = {**base, "object": "chat.completion.chunk", "choices": choices, **more}
        await response.write(f"data: {json.dumps(chunk)}\n\n".encode())

    async def delta(value: dict[str, Any], finish: str | None = None) -> None:
        await send([{"index": 0, "delta": value, "finish_reason": finish}])

    await delta({"role": "assistant", "content": ""})
    if "tool_calls" in message:
        call = message["tool_calls"][0]
        arguments = call["function"]["arguments"]
        first = {"name": call["function"]["name"], "arguments": arguments[:5]}
        await delta({"tool_calls": [{"index": 0, **call, "function": first}]})
        await delta({"tool_calls": [{"index": 0, "function": {"arguments": arguments[5:]}}]})
    else:
        for word in message["content"].split(" "):
            await delta({"content": f"{word} "})
    await delta({}, reason)
    await send([], usage=usage)
    await response.write(b"data: [DONE]\n\n")
    return response


async def messages(request: web.Request) -> web.StreamResponse:
    """Anthropic's messages, in the same way."""
    asked = await request.json()
    last = asked["messages"][-1]["content"]
    blocks: list[dict[str, Any]]
    if isinstance(last, list) and last[0].get("type") == "tool_result":
        blocks, reason = [{"type": "text", "text": f"It is {last[0]['content']}."}], "end_turn"
    elif asked.get("tools"):
        use = {"type": "tool_use", "id": "tu_1", "name": asked["tools"][0]["name"], "input": {"city": "Paris"}}
        blocks, reason = [{"type": "text", "text": "Let me look."}, use], "tool_use"
    else:
        blocks, reason = [{"type": "text", "text": _ANSWER}], "end_turn"
    base = {
        "id": "m1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }  # fmt: skip
    if not asked.get("stream"):
        return web.json_response({**base, "content": blocks, "stop_reason": reason})
    response = await _streaming(request)

    async def send(kind: str, **more: Any) -> None:
        await response.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode())

    await send("message_start", message={**base, "content": [], "stop_reason": None})
    for index, block in enumerate(blocks):
        if block["type"] == "text":
            await send("content_block_start", index=index, content_block={"type": "text", "text": ""})
            pieces = [{"type": "text_delta", "text": f"{word} "} for word in block["text"].split(" ")]
        else:
            await send("content_block_start", index=index, content_block={**block, "input": {}})
            text = json.dumps(block["input"])
            pieces = [{"type": "input_json_delta", "partial_json": part} for part in (text[:4], text[4:])]
        for piece in pieces:
            await send("content_block_delta", index=index, delta=piece)
        await send("content_block_stop", index=index)
    await send("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage={"output_tokens": 5})
    await send("message_stop")
    return response


async def echo(request: web.Request) -> web.Response:
    """What the request was."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    said = {"method": request.method, "query": list(request.query.items()), "headers": headers}
    return web.json_response({**said, "body": await request.text()})


async def redirect(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "/echo"})


async def slow(request: web.Request) -> web.Response:
    """Never answers: the client goes away."""
    await asyncio.sleep(60)
    return web.Response()


async def socket(request: web.Request) -> web.WebSocketResponse:
    """Says what it hears, until it hears "bye"."""
    response = web.WebSocketResponse(protocols=("chat",))
    await response.prepare(request)
    async for message in response:
        if message.type is web.WSMsgType.BINARY:
            await response.send_bytes(message.data[::-1])
        elif message.data == "bye":
            await response.close(code=4001, message=b"so long")
        else:
            await response.send_str(f"heard {message.data}")
    return response


@asynccontextmanager
async def model_server() -> AsyncIterator[str]:
    """The address of a server with all of them."""
    failures = 0

    async def flaky(request: web.Request) -> web.Response:
        nonlocal failures
        failures += 1
        return web.Response(status=503) if failures % 2 else web.Response(text="steady")

    app = web.Application()
    app.router.add_post("/v1/chat/completions", completions)
    app.router.add_post("/v1/messages", messages)
    app.router.add_route("*", "/echo", echo)
    app.router.add_get("/redirect", redirect)
    app.router.add_get("/slow", slow)
    app.router.add_get("/flaky", flaky)
    app.router.add_get("/socket", socket)
    async with TestServer(app, shutdown_timeout=0) as server:
        yield str(server.make_url("")).rstrip("/")

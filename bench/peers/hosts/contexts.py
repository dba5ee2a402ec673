"""quickjs-rs, a context of its own for each request.

python contexts.py serve PORT            answers hello JSON over HTTP
python contexts.py time SECONDS WAY      prints the times of requests in process, in microseconds, as JSON;
                                           WAY is ``eval`` or ``restore``
"""

import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from quickjs_rs import Runtime

AGENT = "function handle(url) { return JSON.stringify({ hello: 'world' }); }"
EXPECTED = '{"hello":"world"}'


def by_eval(runtime: Runtime) -> Callable[[], str]:
    """The agent's source is evaluated in each context."""

    def answer() -> str:
        with runtime.new_context() as context:
            context.eval(AGENT)
            return str(context.eval("handle('http://localhost/')"))

    return answer


def by_restore(runtime: Runtime) -> Callable[[], str]:
    """A snapshot of a context with the agent is restored into each context."""
    with runtime.new_context() as context:
        context.eval(AGENT)
        snapshot = context.create_snapshot()

    def answer() -> str:
        with runtime.new_context() as context:
            runtime.restore_snapshot(snapshot, context)
            return str(context.eval("handle('http://localhost/')"))

    return answer


def serve(answer: Callable[[], str], port: int) -> None:
    import uvicorn

    async def app(scope: Any, _receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        if scope["type"] != "http":
            return
        body = answer().encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    uvicorn.run(app, host="127.0.0.1", port=port, lifespan="off", access_log=False, log_level="error")


def times(answer: Callable[[], str], seconds: float) -> list[float]:
    for _ in range(20):
        assert answer() == EXPECTED
    taken = []
    until = time.perf_counter() + seconds
    while (begin := time.perf_counter()) < until:
        answer()
        taken.append((time.perf_counter() - begin) * 1e6)
    return taken


if __name__ == "__main__":
    with Runtime() as opened:
        if sys.argv[1] == "serve":
            serve(by_eval(opened), int(sys.argv[2]))
        else:
            way = {"eval": by_eval, "restore": by_restore}[sys.argv[3]]
            print(json.dumps(times(way(opened), float(sys.argv[2]))))

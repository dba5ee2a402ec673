"""Agents on a node start isolates, as anywhere."""

import asyncio

import pytest

from tests.conftest import Site

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_agent_runs_what_it_is_sent(site: Site) -> None:
    """Each request's isolates are its own; what they print directly is in the agent's log."""
    path = await site.publish("""
      export default { async fetch(request) {
        const code = await request.text();
        const { value, error, logs } = await Wapo.run(code, { timeLimit: 5000, gasLimit: 10000 });
        await new Promise((resolve) => Wapo.isolateEval({ scripts: ['console.log("direct")'], args: [], env: {}, polyfills: [] }, resolve));
        return Response.json({ value, error: error && error.split('\\n')[0], logs: logs.map(({ message }) => message) });
      } };""")
    cases = {
        "console.log('kept'); scriptOutput = [1, 2].map((x) => x * 2).join()": ("2,4", None, ["kept"]),
        "module = { exports: async () => (await fetch('data:,text')).text() }": ("text", None, []),
        "for (;;);": (None, "InternalError: interrupted", []),
        "const f = () => f(); f()": (None, "RangeError: Maximum call stack size exceeded", []),
    }
    answers = await asyncio.gather(*(site.client.post(path, content=code) for code in cases))
    for answer, (value, error, logs) in zip(answers, cases.values(), strict=True):
        assert answer.status_code == 200, answer.text
        said = answer.json()
        assert (said.get("value"), said["error"], said["logs"]) == (value, error, logs)
    async with asyncio.timeout(20):
        while (await site.log(path)).count("direct") < len(cases):
            await asyncio.sleep(0.01)

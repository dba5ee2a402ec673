"""Agents on a node start isolates, as anywhere."""

import asyncio
import json

import pytest

from tests.conftest import Site, SiteFactory
from tests.gateway.support import until

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


async def test_what_the_host_keeps_for_them_is_their_agents(site: Site) -> None:
    """Seven isolates each hand over 10 MB of bodies that nobody takes; the agent may have half of its 100 MB so."""

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await ended.wait()
        finally:
            writer.close()

    ended = asyncio.Event()
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    code = f"""module = {{ exports: async () => {{
      const body = new Uint8Array(1 << 20), stop = new AbortController(), init = {{ method: 'POST', body, signal: stop.signal }};
      let refused = 0;
      for (let i = 0; i < 10; i++)
        fetch('http://127.0.0.1:{server.sockets[0].getsockname()[1]}/', init).catch(() => stop.signal.aborted || refused++);
      await new Promise((resolve) => setTimeout(resolve, 300));
      stop.abort();
      return refused;
    }} }}"""
    async with server:
        answer = await site.run(f"""export default {{ async fetch() {{
          const results = await Promise.all([1, 2, 3, 4, 5, 6, 7].map(() => Wapo.run({json.dumps(code)}, {{ timeLimit: 5000 }})));
          return Response.json(results.map(({{ value, error }}) => error ?? value)) }} }}""")
        ended.set()
    refused = answer.json()
    assert all(isinstance(count, int) for count in refused), refused
    assert sum(refused) >= 20, refused


async def test_they_are_machines_of_the_node(open_site: SiteFactory) -> None:
    """What the kernel has room for counts them, too; each gives its place back."""
    async with open_site(max_machines=4) as site:
        for _ in range(2):
            answer = await site.run("""export default { async fetch() {
              const results = await Promise.all([1, 2, 3, 4, 5].map(async () => {
                try {
                  const { value, error } = await Wapo.run('module = { exports: async () => {' +
                    'await new Promise((done) => setTimeout(done, 100)); return "ran" } }');
                  return value ?? error;
                } catch (error) { return error.message }
              }));
              return Response.json(results) } }""")
            assert (
                sorted(answer.json(), key=len)
                == ["ran"] * 3 + ["failed to start an isolate: a limit of this program was reached"] * 2
            )
        await until(lambda: site.node.admission.machines == 0)
        assert site.node.admission.isolates == 0

"""The web platform, by a developer who knows the standards: what differs only in a detail breaks somebody's program.

The platform's own tests are in ``tests/guest``; these ask the whole of it, in a real agent.
"""

from typing import Any

import pytest

from tests.conftest import Site
from tests.hostile.neighbours import handler

#: Expressions, and what they are worth: JSON, or the class and name of what they throw or reject with.
EXPECTED: dict[str, Any] = {
    # base64: https://html.spec.whatwg.org/#atob
    "btoa('\\xff')": "/w==",
    "btoa('\\u4e2d')": "DOMException InvalidCharacterError",
    "btoa()": "TypeError TypeError",
    "btoa(null)": "bnVsbA==",
    "atob(' YW Jj\\n')": "abc",
    "atob('YQ')": "a",
    "atob('YR==')": "a",
    "atob('YQ=')": "DOMException InvalidCharacterError",
    "atob('YQ===')": "DOMException InvalidCharacterError",
    "atob('Y')": "DOMException InvalidCharacterError",
    "atob('a-b_')": "DOMException InvalidCharacterError",
    "atob('YWJ\\vj')": "DOMException InvalidCharacterError",
    "atob()": "TypeError TypeError",
    "(() => { try { atob('*'); } catch (e) { return [e instanceof DOMException, e instanceof Error, e.code]; } })()": [
        True,
        True,
        5,
    ],
    # Brands: https://webidl.spec.whatwg.org/#es-attributes
    "Object.getOwnPropertyDescriptor(URL.prototype, 'origin').get.call({})": "TypeError TypeError",
    "Object.getOwnPropertyDescriptor(Response.prototype, 'status').get.call({})": "TypeError TypeError",
    "Headers.prototype.get.call({}, 'a')": "TypeError TypeError",
    # https://webidl.spec.whatwg.org/#define-the-operations: enumerable; interfaces are not
    "['fetch', 'atob', 'setTimeout', 'structuredClone', 'Response', 'console'].map((k) => Object.getOwnPropertyDescriptor(globalThis, k).enumerable)": [
        True,
        True,
        True,
        True,
        False,
        False,
    ],
    # https://fetch.spec.whatwg.org/#dom-request-referrer
    "new Request('http://a/', { referrer: '' }).referrer": "",
    "new Request('http://a/').referrer": "about:client",
    # https://fetch.spec.whatwg.org/#dom-body-blob: the type is a serialized MIME type
    """(await new Response('x', { headers: { 'content-type': 'Text/HTML ;  Charset=UTF-8;x="a b"' } }).blob()).type""": 'text/html;charset=utf-8;x="a b"',
    "(await new Response('x', { headers: { 'content-type': 'nonsense' } }).blob()).type": "",
    # https://fetch.spec.whatwg.org/#port-blocking
    "await fetch('http://127.0.0.1:25/')": "TypeError TypeError",
    "await fetch('http://127.0.0.1:6667/').catch((e) => e.message)": "fetch: port 6667 is not allowed",
    "await fetch('http://127.0.0.1:80/').catch((e) => /port/.test(e.message))": False,
    "(await (await fetch('data:;base64,YQ==')).text())": "a",
    # process.env is an object like any other, behind its proxy
    "(process.env.A = 5, process.env.A)": "5",
    "(delete process.env.A, 'A' in process.env)": False,
    "Object.defineProperty(process.env, 'B', { value: 1, writable: true, configurable: true, enumerable: true }) && process.env.B": "1",
    "Object.keys({ ...process.env })": ["secret", "B"],
    "Object.freeze(process.env)": "TypeError TypeError",
}


@pytest.fixture(scope="module")
def questions() -> str:
    cases = ",\n".join(f"async () => ({expression})" for expression in EXPECTED)
    return handler(f"""
      const answers = [];
      for (const ask of [{cases}]) {{
        try {{
          answers.push(await ask());
        }} catch (error) {{
          answers.push(`${{error.constructor.name}} ${{error.name}}`);
        }}
      }}
      return Response.json(answers);
    """)


async def test_the_platform_is_as_the_standards_say(site: Site, questions: str) -> None:
    response = await site.run(questions)
    assert response.status_code == 200, await site.log(await site.publish(questions))
    assert dict(zip(EXPECTED, response.json(), strict=True)) == EXPECTED

"""Bodies that are all there: what becomes of them once somebody has asked for their stream."""

import json

import pytest

from tests.agents.support import Workshop

CASES = {
    "text() after a look at the stream": "const r = new Response('ä'); r.body; return [await r.text(), r.bodyUsed]",
    "its bytes": "const r = new Response('ä'); r.body; return [...(await r.bytes())]",
    "another response's text": "const r = new Response('x'); const s = new Response(r.body); return [r.bodyUsed, await s.text(), r.bodyUsed, s.bodyUsed]",
    "the stream is the other's": "const r = new Response('x'); return new Response(r.body).body === r.body",
    "a reader": "const r = new Response('ab').body.getReader(); const a = await r.read(), b = await r.read(); return [[...a.value], a.done, b.done]",
    "a reader for bytes": "const r = new Response('ab').body.getReader({ mode: 'byob' }); const a = await r.read(new Uint8Array(1)); return [...a.value]",
    "a reader that has let go": "const r = new Response('ab'); r.body.getReader().releaseLock(); return [r.bodyUsed, await r.text()]",
    "locked": "const r = new Response('ab'); r.body.getReader(); return r.text().catch((error) => error.name)",
    "cancelled": "const r = new Response('ab'); await r.body.cancel(); return [r.bodyUsed, await r.text().catch((error) => error.name)]",
    "read twice": "const r = new Response('ab'); r.body; await r.text(); return r.text().catch((error) => error.name)",
    "the stream after text()": "const r = new Response('ab'); await r.text(); return (await r.body.getReader().read().catch((error) => error.name))",
    "the stream that another's text() has read": "const r = new Response('ab'); await new Response(r.body).text(); const x = r.body.getReader(); const a = await x.read(); x.releaseLock(); return [a.done, r.body.locked]",
    "clones": "const r = new Response('ab'); r.body; const s = r.clone(); return [await r.text(), await s.text()]",
    "clones of bytes share none": "const r = new Response(Uint8Array.of(1, 2)); r.body; const s = r.clone(); (await r.bytes())[0] = 9; return [...(await s.bytes())]",
    "tee": "const [a, b] = new Response('ab').body.tee(); return [await new Response(a).text(), await new Response(b).text()]",
    "piped": "return new Response(new Response('ab').body.pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream())).text()",
    "iterated": "const all = []; for await (const chunk of new Response('ab').body) all.push(...chunk); return all",
    "empty": "const r = new Response(''); return [(await r.body.getReader().read()).done, r.bodyUsed]",
    "the caller's bytes are its own": "const b = Uint8Array.of(1); const r = new Response(b); r.body; b[0] = 2; return [...(await r.bytes())]",
    "json() of a request's": "const r = new Request('http://a', { method: 'POST', body: '{\"a\":1}' }); r.body; return r.json()",
    "a broken json()": "return new Response('{').json().catch((error) => error.name)",
}  # fmt: skip
EXPECTED = {
    "text() after a look at the stream": ["ä", True],
    "its bytes": [0xC3, 0xA4],
    "another response's text": [False, "x", True, True],
    "the stream is the other's": True,
    "a reader": [[97, 98], False, True],
    "a reader for bytes": [97],
    "a reader that has let go": [False, "ab"],
    "locked": "TypeError",
    "cancelled": [True, "TypeError"],
    "read twice": "TypeError",
    "the stream after text()": {"done": True},
    "the stream that another's text() has read": [True, False],
    "clones": ["ab", "ab"],
    "clones of bytes share none": [1, 2],
    "tee": ["ab", "ab"],
    "piped": "ab",
    "iterated": [97, 98],
    "empty": [True, True],
    "the caller's bytes are its own": [1],
    "json() of a request's": {"a": 1},
    "a broken json()": "SyntaxError",
}


@pytest.mark.parametrize("name", CASES)
async def test_a_body_whose_stream_was_asked_for(workshop: Workshop, name: str) -> None:
    source = (
        f"export default {{ async fetch() {{ return Response.json(await (async () => {{ {CASES[name]} }})()); }} }};"
    )
    answer = await workshop.ask(source)
    assert json.loads(answer.body) == EXPECTED[name]


@pytest.mark.parametrize("value", ["'text ä'", "Uint8Array.of(116, 101)", "new Blob(['text'])", "''"])
async def test_a_body_that_nobody_touched_goes_out_whole(workshop: Workshop, value: str) -> None:
    """Also when its stream has been passed on: as frameworks do to change a header."""
    image = await workshop.image(
        f"""export default {{ fetch() {{
          const inner = new Response({value});
          return new Response(inner.body, {{ status: 201, headers: {{ 'x-outer': 'yes' }} }});
        }} }};"""
    )
    answer = await workshop.ask(image)
    plain = await workshop.ask(f"export default {{ fetch: () => new Response({value}) }};")
    assert answer.stream is None
    assert (answer.status, answer.body) == (201, plain.body)
    assert (b"x-outer", b"yes") in answer.headers


async def test_a_request_whose_body_is_forwarded(workshop: Workshop) -> None:
    source = (
        "export default { fetch: (request) => new Response(request.body, { headers: { 'content-type': 'a/b' } }) };"
    )
    answer = await workshop.ask(source, "POST", body=b"\xff\x00")
    assert (answer.body, answer.stream) == (b"\xff\x00", None)


async def test_a_body_in_use_is_no_answer(workshop: Workshop) -> None:
    source = "export default { fetch() { const r = new Response('x'); r.body.getReader(); return r; } };"
    with pytest.raises(Exception, match="read already"):
        await workshop.ask(source)

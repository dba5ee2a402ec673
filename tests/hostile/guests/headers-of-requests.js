// attack: header splitting
// promise: an agent sends one sound request, whatever its headers and methods say
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const at = (path) => `http://${new URL(request.url).searchParams.get('evil')}/${path}`;
  const seen = [];
  const tries = [{ headers: { 'transfer-encoding': 'chunked' }, body: '0\r\n\r\nGET /two HTTP/1.1\r\nHost: a\r\n\r\n' }, { headers: { 'content-length': '1' }, body: 'xGET /two' },
    { headers: { host: 'other.example' }, body: 'x' }, { headers: { expect: '100-continue' }, body: 'x' }, { headers: { connection: 'upgrade', upgrade: 'h2c' }, body: 'x' }];
  for (const options of tries) {
    const head = await fetch(at('echo'), { method: 'POST', ...options, signal: AbortSignal.timeout(1500) }).then((r) => r.text(), (e) => e.name);
    const lengths = head.match(/content-length|transfer-encoding/gi)?.length ?? 0;
    if (!head.startsWith('POST /echo HTTP/1.1') && head !== 'TypeError') seen.push(head);
    if (head.startsWith('POST') && lengths !== 1) seen.push(head);
  }
  for (const method of ['GET / HTTP/1.1\r\nx: y\r\n\r\nGET', 'CONNECT', 'TRACE', 'A B', '']) try { seen.push(await (await fetch(at('echo'), { method })).text()); } catch {}
  for (const path of ['echo?a\r\nb: c', 'echo#\r\nb', 'echo?%0d%0ab: c', 'echo?a b']) {
    const head = await fetch(at(path)).then((r) => r.text(), (e) => e.name);
    if (/^b: ?c/im.test(head)) seen.push(head);
  }
  return new Response(seen.join('\n') || 'held');
} };

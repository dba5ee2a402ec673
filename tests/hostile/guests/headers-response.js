// attack: header splitting
// promise: no header can be made to be two, or to end the head
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const BAD = ['a\r\nSet-Cookie: b=c', 'a\nb', 'a\rb', 'a\0b', 'a\r\n\r\n<html>', '\u010d\u010a', 'é\u0100', 'a\u2028b', '\ud800'];
  const made = [];
  const attempt = (what, body) => { try { body(); made.push(what); } catch (e) { if (!(e instanceof TypeError)) made.push(`${what} ${e}`); } };
  for (const bad of BAD) {
    attempt('append', () => new Headers().append('x', bad));
    attempt('set', () => new Headers({ x: 'y' }).set('x', bad));
    attempt('init', () => new Headers([['x', bad]]));
    attempt('response', () => new Response('', { headers: { x: bad } }));
    attempt('request', () => new Request('http://a/', { headers: { x: bad } }));
    attempt('name', () => new Headers().append(bad, 'x'));
    attempt('statusText', () => new Response('', { statusText: bad }));
    attempt('method', () => new Request('http://a/', { method: bad }));
  }
  for (const url of ['http://a/\r\nb', 'http://a/ b', 'http://a\r\n.b/']) try { Response.redirect(url).headers.get('location').match(/[\r\n ]/) && made.push(url); } catch {}
  const cookie = new Headers();
  try { cookie.append('set-cookie', 'a=b\u000d\u000ax: y'); made.push('cookie'); } catch {}
  return new Response([...new Set(made)].join() || 'held', { headers: { 'x-good': 'fine' } });
} };

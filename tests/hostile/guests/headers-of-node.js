// attack: header splitting
// promise: Node's modules check headers, too
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const at = (path) => `http://${new URL(request.url).searchParams.get('evil')}/${path}`;
  const http = require('http');
  const made = [];
  for (const headers of [{ x: 'a\r\nb: c' }, { 'x\r\nb': 'c' }, { x: 'a\0' }]) try { http.request(at('echo'), { headers }).end(); made.push(JSON.stringify(headers)); } catch {}
  for (const path of ['/echo\r\nb: c', '/ech o']) try { http.request({ host: '127.0.0.2', port: 1, path }).on('error', () => {}).end(); made.push(path); } catch {}
  return new Response(made.join() || 'held');
} };

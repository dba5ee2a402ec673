// attack: header splitting
// promise: a WebSocket's protocols are tokens, and its URL is one line
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const made = [];
  for (const protocol of ['a\r\nx: y', 'a b', '', 'a,b', 'é', 'a\0']) try { new WebSocket('ws://127.0.0.1:1/', [protocol]); made.push(protocol); } catch {}
  for (const url of ['ws://127.0.0.1:1/#a', 'javascript:1', 'ws://[']) try { new WebSocket(url); if (url.includes(':1/')) continue; made.push(url); } catch {}
  return new Response(made.join() || 'held');
} };

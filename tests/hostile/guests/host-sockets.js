// attack: host memory
// promise: a machine opens so many WebSockets, and what they bring is bounded
// limit: none
// memory: 72
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const at = (path) => `http://${new URL(request.url).searchParams.get('evil')}/${path}`;
  const sockets = [];
  let refused = 0, count = 0;
  for (let i = 0; i < 40; i++) { try { const s = new WebSocket(at(['socket-tiny', 'socket-large', 'socket-huge', 'socket-pings'][i % 4]).replace('http', 'ws')); s.onmessage = () => count++; s.onerror = () => refused++; sockets.push(s); } catch { refused++; } }
  await new Promise((r) => setTimeout(r, 700));
  return new Response('held');
} };

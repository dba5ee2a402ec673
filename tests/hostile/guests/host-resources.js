// attack: host memory
// promise: a machine has 8192 resources and no more
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const at = (path) => `http://${new URL(request.url).searchParams.get('evil')}/${path}`;
  const errors = new Set();
  let made = 0;
  for (let i = 0; i < 400; i++) { try { new WebSocket(at('hang').replace('http', 'ws')); made++; } catch (e) { errors.add(e.name); } }
  for (let i = 0; i < 1500; i++) try { new CompressionStream('gzip').writable.getWriter().write(new Uint8Array(9)).catch((e) => errors.add(e.name)); made++; } catch (e) { errors.add(e.name); }
  return new Response(made > 0 ? 'held' : 'nothing');
} };

// attack: host memory
// promise: decompressors that nobody reads hold little
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  for (let i = 0; i < 2000; i++) { const w = new DecompressionStream('gzip').writable.getWriter(); w.write(new Uint8Array(1000)).catch(() => {}); w.closed.catch(() => {}); }
  return new Response('held');
} };

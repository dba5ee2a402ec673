// attack: host memory
// promise: what waits for a thread is counted, and long work is one thing at a time
// limit: none
// memory: 72
// ends: 200
// answer: OperationError,done
export default { async fetch(request, env, ctx) {
  const key = await crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-CTR', false, ['encrypt']);
  const data = new Uint8Array(2 << 20);
  const all = await Promise.allSettled(Array.from({ length: 100 }, () => crypto.subtle.encrypt({ name: 'AES-CTR', counter: new Uint8Array(16), length: 64 }, key, data)));
  return new Response([...new Set(all.map(({ reason }) => reason?.name ?? 'done'))].sort().join());
} };

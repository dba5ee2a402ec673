// attack: host memory
// promise: what the host keeps for a machine is bounded with the machine's memory
// limit: none
// memory: 72
// ends: 200
// answer: TimeoutError,TypeError
export default { async fetch(request, env, ctx) {
  const at = (path) => `http://${new URL(request.url).searchParams.get('evil')}/${path}`;
  const body = new Uint8Array(2 << 20);
  const all = await Promise.allSettled(Array.from({ length: 200 }, () => fetch(at('hang'), { method: 'POST', body, signal: AbortSignal.timeout(500) })));
  const names = new Set(all.map(({ reason }) => reason?.name));
  return new Response([...names].sort().join());
} };

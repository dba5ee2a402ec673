// attack: host memory
// promise: isolates take their parent's memory, and there are eight of them
// limit: none
// memory: 96
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const code = 'const a = []; for (;;) a.push(new Uint8Array(1e6).fill(1));';
  const all = await Promise.allSettled(Array.from({ length: 50 }, () => Wapo.run(code)));
  const done = all.filter(({ status, value }) => status === 'fulfilled' && !value?.error && !value?.reason).length;
  return new Response(done === 0 ? 'held' : JSON.stringify(all.slice(0, 20)));
} };

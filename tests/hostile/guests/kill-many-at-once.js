// attack: killing the worker
// promise: twenty hogs at once are ended each by its own limit
// limit: memory
// ends: 500 memory_limit
// log: out of memory
// at_once: 20
export default { async fetch(request, env, ctx) {
  const a = [];
  for (;;) a.push(new Uint8Array(1 << 20).fill(1));
} };

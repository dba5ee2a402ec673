// attack: memory
// promise: a program that takes all the memory it can gets an error or ends, by its own memory
// limit: memory
// ends: 500 memory_limit
// log: out of memory
export default { async fetch(request, env, ctx) {
  let s = 'x';
  for (;;) { s = s + s + '1'; if (s.length > 2e8) s = s.slice(1); globalThis.kept = [globalThis.kept, s.toUpperCase()]; }
} };

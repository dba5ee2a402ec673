// attack: memory
// promise: a program that takes all the memory it can gets an error or ends, by its own memory
// limit: memory
// ends: 500 memory_limit
// log: out of memory
export default { async fetch(request, env, ctx) {
  return new Response(JSON.stringify(Array.from({ length: 1e5 }, () => '\u0000'.repeat(1e3))));
} };

// attack: memory
// promise: a program that takes all the memory it can gets an error or ends, by its own memory
// limit: memory
// ends: 500 memory_limit
// log: out of memory
export default { async fetch(request, env, ctx) {
  const parts = [];
  for (let i = 0; ; i++) parts.push(`${i}`.padEnd(1e5, 'ab'));
} };

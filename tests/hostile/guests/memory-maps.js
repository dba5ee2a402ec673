// attack: memory
// promise: a program that takes all the memory it can gets an error or ends, by its own memory
// limit: memory
// ends: 500 memory_limit
// log: out of memory
export default { async fetch(request, env, ctx) {
  const map = new Map();
  for (let i = 0; ; i++) map.set({ i }, new Set([i]));
} };

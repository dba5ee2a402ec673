// attack: memory
// promise: a program that takes all the memory it can gets an error or ends, by its own memory
// limit: memory
// ends: 500 memory_limit
// log: out of memory
export default { async fetch(request, env, ctx) {
  const a = [];
  for (let i = 0; ; i++) a.push(new RegExp(`${i}(?:[a-z]|\\p{L}){1,9}`.repeat(50), 'u'));
} };

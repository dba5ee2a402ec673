// attack: memory
// promise: a program that takes all the memory it can gets an error or ends, by its own memory
// limit: memory
// ends: 500 memory_limit
// log: out of memory
export default { async fetch(request, env, ctx) {
  const headers = new Headers();
  for (let i = 0; ; i++) headers.append(`x-${i}`, 'y'.repeat(1e5));
} };

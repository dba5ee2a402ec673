// attack: memory
// promise: a program that takes all the memory it can gets an error or ends, by its own memory
// limit: memory
// ends: 500 memory_limit
// log: out of memory
export default { async fetch(request, env, ctx) {
  let p = Promise.resolve();
  for (;;) p = Promise.all([p.then(() => 1), p.finally(() => {}), p]);
} };

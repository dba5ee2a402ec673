// attack: memory
// promise: a program that takes all the memory it can gets an error or ends, by its own memory
// limit: memory
// ends: 500 memory_limit
// log: out of memory
export default { async fetch(request, env, ctx) {
  for (let i = 0; i < 1e7; i++) {
    setTimeout(() => i, 1e6, new Array(10));
    if (i % 1e4 === 0) await new Promise((done) => setTimeout(done)); // it is about memory, not CPU
  }
} };

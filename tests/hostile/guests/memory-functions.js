// attack: memory
// promise: a program that takes all the memory it can gets an error or ends, by its own memory
// limit: memory
// ends: 500 memory_limit
// log: out of memory
export default { async fetch(request, env, ctx) {
  const a = [];
  for (let i = 0; ; i++) {
    a.push(new Function(`return '${'x'.repeat(1e6)}${i}'`));
    if (i % 8 === 7) await new Promise((done) => setTimeout(done)); // it is about memory, not CPU
  }
} };

// attack: memory
// promise: a program that takes all the memory it can gets an error or ends, by its own memory
// limit: memory
// ends: 500 memory_limit
// log: out of memory
export default { async fetch(request, env, ctx) {
  let f = () => 1;
  for (;;) { const g = f, data = new Array(100).fill(1); f = () => g() + data.length; }
} };

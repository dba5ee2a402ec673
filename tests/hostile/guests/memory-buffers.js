// attack: memory
// promise: a program that takes all the memory it can gets an error or ends, by its own memory
// limit: memory
// ends: 500 memory_limit
// log: out of memory
export default { async fetch(request, env, ctx) {
  const a = [];
  for (let size = 1; ; size = (size * 2) % 99991) a.push(new ArrayBuffer(size, { maxByteLength: size * 2 }).resize(size * 2), new ArrayBuffer(size));
} };

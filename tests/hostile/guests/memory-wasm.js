// attack: memory
// promise: a program that takes all the memory it can gets an error or ends, by its own memory
// limit: memory
// ends: 500 agent_failed
// log: the memory cannot grow by 16 pages
export default { async fetch(request, env, ctx) {
  const memory = new WebAssembly.Memory({ initial: 1 });
  for (;;) { memory.grow(16); new Uint8Array(memory.buffer).fill(1, memory.buffer.byteLength - (16 << 16)); }
} };

// attack: memory
// promise: a program that takes all the memory it can gets an error or ends, by its own memory
// limit: memory
// ends: 500 memory_limit
// log: out of memory
export default { async fetch(request, env, ctx) {
  const { port1, port2 } = new MessageChannel();
  port2.onmessage = () => {};
  for (;;) port1.postMessage({ a: 'x'.repeat(1e5), b: new Uint8Array(1e5) });
} };

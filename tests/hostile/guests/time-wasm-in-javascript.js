// attack: time
// promise: between two waits a program gets so much CPU, whatever it spends it on
// limit: burst
// ends: 500 burst_limit
// log: more than 0.5 s of CPU between two waits
export default { async fetch(request, env, ctx) {
  const bytes = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 8, 1, 0, 10, 9, 1, 7, 0, 3, 64, 12, 0, 11, 11);
  new WebAssembly.Instance(new WebAssembly.Module(bytes));
} };

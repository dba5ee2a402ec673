// attack: time
// promise: between two waits a program gets so much CPU, whatever it spends it on
// limit: burst
// ends: 500 burst_limit
// log: more than 0.5 s of CPU between two waits
export default { async fetch(request, env, ctx) {
  for (;;) { Date.parse('1'.repeat(1e5)); new Date(NaN).toString(); Date.parse(` ${'('.repeat(5e4)}`); }
} };

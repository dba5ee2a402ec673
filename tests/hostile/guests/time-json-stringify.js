// attack: time
// promise: between two waits a program gets so much CPU, whatever it spends it on
// limit: burst
// ends: 500 burst_limit
// log: more than 0.5 s of CPU between two waits
export default { async fetch(request, env, ctx) {
  const wide = Array.from({ length: 300 }, () => Array.from({ length: 300 }, () => ({ a: 1.1 })));
  for (;;) JSON.stringify(wide, null, 10);
} };

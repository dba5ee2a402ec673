// attack: time
// promise: between two waits a program gets so much CPU, whatever it spends it on
// limit: burst
// ends: 500 burst_limit
// log: more than 0.5 s of CPU between two waits
export default { async fetch(request, env, ctx) {
  const values = Array.from({ length: 1e5 }, (_, i) => i);
  values.sort(() => { values.length = 0; values.push(1, 2, 3); return Math.random() - 0.5; });
  for (;;) values.sort(() => 1);
} };

// attack: time
// promise: between two waits a program gets so much CPU, whatever it spends it on
// limit: burst
// ends: 500 burst_limit
// log: more than 0.5 s of CPU between two waits
export default { async fetch(request, env, ctx) {
  function* f(n) { if (n) { yield* f(n - 1); yield* f(n - 1); } else yield 1; }
  let sum = 0;
  for (const x of f(60)) sum += x;
  return new Response(String(sum));
} };

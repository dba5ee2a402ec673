// attack: time
// promise: who rests before each burst limit has the time limit, and one agent's share of the CPU
// limit: time
// ends: 504 time_limit
// log: the time limit of 2 s was reached
// at_once: 4
export default { async fetch(request, env, ctx) {
  for (;;) { const ends = Date.now() + 200; while (Date.now() < ends); await new Promise((r) => setTimeout(r, 1)); }
} };

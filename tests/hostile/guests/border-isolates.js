// attack: data across the border
// promise: what goes to an isolate and comes back is copied, whatever it is
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const results = [];
  for (const code of ['scriptOutput = (() => { const o = {}; o.o = o; return o; })()', 'throw new Proxy({}, { get() { throw 1; } })', 'scriptOutput = { get a() { for (;;); } }', 'process.exit(1)', 'globalThis.left = 1; scriptOutput = typeof parent', 'for (;;);'])
    results.push(await Promise.race([Wapo.run(code).then(() => 'ended', () => 'failed'), new Promise((r) => setTimeout(r, 900, 'late'))]));
  return new Response(typeof left === 'undefined' ? 'held' : results.join());
} };

// attack: time
// promise: a run has so much time, whatever it waits for
// limit: time
// ends: 200 cut
// log: the time limit of 2 s was reached
export default { async fetch(request, env, ctx) {
  return new Response(new ReadableStream({ async pull(c) { await new Promise((r) => setTimeout(r, 20)); c.enqueue(new Uint8Array(100)); } }));
} };

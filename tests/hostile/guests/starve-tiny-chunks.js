// attack: starving the loop
// promise: no program keeps the event loop for longer than a slice: thousands of tiny chunks
// limit: response
// ends: 200
export default { async fetch(request, env, ctx) {
  const chunk = new Uint8Array(1);
  let n = 0;
  return new Response(new ReadableStream({ pull(c) { c.enqueue(chunk); if (++n === 20000) c.close(); } }));
} };

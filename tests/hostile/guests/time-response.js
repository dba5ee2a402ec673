// attack: time
// promise: a response has so many bytes
// limit: response
// ends: 200 cut
// log: larger than the 8388608 bytes allowed
export default { async fetch(request, env, ctx) {
  const chunk = new Uint8Array(65536);
  return new Response(new ReadableStream({ pull(c) { c.enqueue(chunk); } }));
} };

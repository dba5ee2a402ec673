// attack: time
// promise: a response has so many bytes
// limit: response
// ends: 500 response_limit
// log: at most 8388608 are allowed
export default { async fetch(request, env, ctx) {
  return new Response(new Uint8Array(9 << 20));
} };

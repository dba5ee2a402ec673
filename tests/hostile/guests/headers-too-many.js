// attack: header splitting
// promise: headers of a response have so many bytes
// limit: response
// ends: 500 response_limit
// log: at most
export default { async fetch(request, env, ctx) {
  const headers = new Headers();
  for (let i = 0; i < 100; i++) headers.append(`x-${i}`, 'y'.repeat(10000));
  return new Response('x', { headers });
} };

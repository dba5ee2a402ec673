// attack: host memory
// promise: headers of a request are bounded
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const at = (path) => `http://${new URL(request.url).searchParams.get('evil')}/${path}`;
  const results = [];
  for (const size of [1e5, 1e6, 5e6]) results.push(await fetch(at('echo'), { headers: { x: 'y'.repeat(size) }, signal: AbortSignal.timeout(1000) }).then((r) => r.status, (e) => e.name));
  return new Response('held');
} };

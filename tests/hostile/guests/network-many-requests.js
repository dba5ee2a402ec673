// attack: network
// promise: a program's requests leave connections for others, and more wait
// limit: none
// ends: 200
// answer: hello
export default { async fetch(request, env, ctx) {
  const at = (path) => `http://${new URL(request.url).searchParams.get('evil')}/${path}`;
  const all = await Promise.allSettled(Array.from({ length: 600 }, () => fetch(at('hello')).then((r) => r.text())));
  return new Response([...new Set(all.map(({ value, reason }) => value ?? reason.message))].join());
} };

// attack: network
// promise: what an upstream says without being asked is nobody's answer
// limit: none
// ends: 200
// answer: hello
// requests: 2
export default { async fetch(request, env, ctx) {
  const at = (path) => `http://${new URL(request.url).searchParams.get('evil')}/${path}`;
  const texts = [];
  for (let i = 0; i < 20; i++) texts.push(await fetch(at('leftover')).then((r) => r.text(), (e) => e.name));
  return new Response([...new Set(texts)].join());
} };

// attack: host memory
// promise: an upstream's head is bounded, and so is what it says before it
// limit: none
// ends: 200
// answer: TypeError
export default { async fetch(request, env, ctx) {
  const at = (path) => `http://${new URL(request.url).searchParams.get('evil')}/${path}`;
  const names = [];
  for (const path of ['large-head', 'many-headers', 'informational', 'garbage', 'two-lengths', 'line-in-a-header', 'odd-status']) names.push(await fetch(at(path), { signal: AbortSignal.timeout(1200) }).then((r) => `${path} ${r.status}`, (e) => e.name));
  return new Response([...new Set(names)].join());
} };

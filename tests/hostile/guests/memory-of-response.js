// attack: memory
// promise: what an upstream sends is the machine's memory, which is bounded
// limit: memory
// ends: 500 memory_limit
// log: out of memory
export default { async fetch(request, env, ctx) {
  const chunks = [];
  const reader = (await fetch(`http://${new URL(request.url).searchParams.get('evil')}/endless`)).body.getReader();
  for (;;) chunks.push((await reader.read()).value);
} };

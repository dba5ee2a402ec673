// attack: poisoning
// promise: a request is its own: what one run does to it nobody else sees
// limit: none
// ends: 200
// answer: held
// requests: 3
export default { async fetch(request, env, ctx) {
  const found = [request.left, request.headers.get('x-left'), env?.left, ctx.left].filter((x) => x !== undefined && x !== null);
  for (const thing of [request, env, ctx]) try { thing.left = 'left'; } catch {}
  try { request.headers.set('x-left', 'left'); } catch {}
  try { Object.defineProperty(Object.getPrototypeOf(ctx), 'left', { value: 'left', configurable: true }); } catch {}
  return new Response(found.join() || 'held');
} };

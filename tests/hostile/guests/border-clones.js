// attack: data across the border
// promise: deep, cyclic and strange data are copied, refused, or too much; never a crash
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const cyclic = { a: [] }; cyclic.a.push(cyclic, new Map([[cyclic, cyclic]]));
  const copy = structuredClone(cyclic);
  const names = [];
  for (const value of [() => {}, Symbol(), new WeakMap(), new Proxy({}, {}), { get a() { throw new Error('x'); } }, new Response('x'), Promise.resolve(), globalThis])
    try { structuredClone(value); names.push('copied'); } catch (e) { names.push(e.name); }
  const sparse = []; sparse[4e9] = 1;
  try { structuredClone(Object.assign(sparse, { length: 4294967295 })); } catch (e) { names.push(e.name); }
  return new Response(copy.a[0] === copy && copy.a[1].get(copy) === copy && !names.includes('undefined') ? 'held' : names.join());
} };

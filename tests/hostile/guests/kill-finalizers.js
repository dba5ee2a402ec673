// attack: killing the worker
// promise: finalizers, weak references and detached buffers in the middle of things are harmless
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const registry = new FinalizationRegistry(() => { throw new Error('x'); });
  for (let i = 0; i < 1e4; i++) registry.register({ i }, i);
  const b = new Uint8Array(1e6);
  const detach = { valueOf() { try { structuredClone(b.buffer, { transfer: [b.buffer] }); } catch {} return 5; } };
  for (const f of [() => b.fill(1, detach), () => b.slice(detach, 100), () => b.set([1, 2, 3], detach), () => new Uint8Array(b.buffer, detach), () => b.subarray(detach), () => b.copyWithin(detach, 1)]) try { f(); } catch {}
  const r = new ArrayBuffer(100, { maxByteLength: 1e6 });
  const v = new Uint8Array(r);
  for (const f of [() => v.fill(1, { valueOf() { r.resize(0); return 0; } }), () => v.sort(() => { r.resize(10); return 1; }), () => new DataView(r, 50).getInt8({ valueOf() { r.resize(1); return 40; } }), () => v.map(() => { r.resize(0); return 1; })]) try { f(); r.resize(100); } catch {}
  const a = [3, 2, 1];
  for (const f of [() => a.sort(() => { a.length = 0; return 1; }), () => a.splice({ valueOf() { a.length = 0; return 0; } }, 5), () => a.concat({ length: 1e9, [Symbol.isConcatSpreadable]: true, get 5() { a.length = 0; } })]) try { f.name; } catch {}
  new TextDecoder().decode(b.length ? b : new Uint8Array(9), { get stream() { try { structuredClone(b.buffer, { transfer: [b.buffer] }); } catch {} return true; } });
  return new Response('held');
} };

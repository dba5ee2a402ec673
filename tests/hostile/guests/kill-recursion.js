// attack: killing the worker
// promise: too deep a recursion is an exception that can be caught
// limit: none
// ends: 200
// answer: RangeError
export default { async fetch(request, env, ctx) {
  const attempt = (body) => { try { body(); return 'RangeError'; } catch (e) { return e.name; } };
  const names = [
    () => (function f() { f(); })(), () => { const o = { toString() { return `${o}`; } }; `${o}`; },
    () => { let p = {}; for (let i = 0; i < 4000; i++) p = new Proxy(p, {}); return p.x; },
    () => JSON.parse('['.repeat(1e4) + ']'.repeat(1e4)), () => new Function('return ' + '('.repeat(1e4) + '1' + ')'.repeat(1e4)),
    () => { let o = []; for (let i = 0; i < 4000; i++) o = [o]; return structuredClone(o); },
    () => { let o = []; for (let i = 0; i < 4000; i++) o = [o]; return `${o}`; }, () => new Function('a=>'.repeat(1e4) + '1'),
    () => { const f = () => [1].map(f); f(); }, () => { let o = {}; for (let i = 0; i < 4000; i++) o = { o }; JSON.stringify(o); },
    () => { class A extends (function f() { return f(); })() {} },
  ].map(attempt);
  return new Response([...new Set(names)].sort().join());
} };

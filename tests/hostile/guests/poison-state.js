// attack: poisoning
// promise: every request starts from the image, whatever the one before did to its machine, its own state in modules included
// limit: none
// ends: 200
// answer: 1,0,false,0,0,0,secret,false,object,0
// requests: 5
let count = 0;
const kept = new Map(), weak = new WeakRef(kept), cache = Symbol.for('kept');
const format = new Intl.NumberFormat('en');
export default { async fetch(request) {
  count += 1;
  const found = [count, kept.size, cache in globalThis, localStorage?.length ?? 0, format.left ?? 0, performance.getEntries().length,
    Object.keys(process.env).join(), require('fs').existsSync('/left'), typeof weak.deref(), Object.keys(require.cache ?? {}).length].join();
  kept.set('a', 1); globalThis[cache] = 1; format.left = 1; performance.mark('left'); process.env.LEFT = '1';
  try { localStorage.setItem('left', 1); } catch {}
  require('fs').writeFileSync('/left', 'x');
  setInterval(() => { count += 1; }, 1);
  return new Response(found);
} };

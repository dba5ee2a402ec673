// attack: poisoning
// promise: every request starts from the image, whatever the one before did to its machine
// limit: none
// ends: 200
// answer: clean
// requests: 5
export default { fetch() {
  const found = typeof left === 'undefined' && [1].map((x) => x)[0] === 1 && 'a-b'.split('-').length === 2;
  const answer = new Response(found ? 'clean' : 'spoiled');
  globalThis.left = 'left';
  for (const c of [Object, Array, String, Promise, Map, Function, RegExp, Uint8Array, Response, Request, Headers, URL, ReadableStream, TextEncoder])
    for (const key of Object.getOwnPropertyNames(c.prototype)) if (key !== 'constructor') try { c.prototype[key] = () => { throw new Error('spoiled'); }; } catch {}
  return answer;
} };

// attack: poisoning
// promise: chance is drawn anew for each machine, an initialised image's too
// limit: none
// ends: 200
// answer: fresh
// requests: 5
const seen = new Set();
export default { async fetch(request) {
  const draw = [Math.random(), crypto.randomUUID(), crypto.getRandomValues(new Uint32Array(4)).join(), require('crypto').randomBytes(8).toString('hex')];
  return new Response(seen.size === 0 && new Set(draw).size === 4 ? 'fresh' : 'stale', { headers: { 'x-draw': draw.join(' ') } });
} };

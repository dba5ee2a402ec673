// attack: timing of secrets
// promise: how long a comparison with a secret takes does not tell how much of a guess was right
// limit: none
// ends: 200
// answer: nothing told
import { timingSafeEqual } from 'node:crypto';
export default { async fetch() {
  const data = new Uint8Array(32), secret = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', new Uint8Array(32).fill(7), secret, false, ['sign', 'verify']);
  const right = new Uint8Array(await crypto.subtle.sign('HMAC', key, data));
  const early = right.slice(), late = right.slice(), large = new Uint8Array(1 << 13).fill(3);
  early[0] ^= 1; late[31] ^= 1;
  const first = large.slice(), last = large.slice();
  first[0] ^= 1; last[last.length - 1] ^= 1;
  const ways = {
    verify: [() => crypto.subtle.verify('HMAC', key, early, data), () => crypto.subtle.verify('HMAC', key, late, data)],
    timingSafeEqual: [() => timingSafeEqual(large, first), () => timingSafeEqual(large, last)],
  };
  const told = [];
  for (const [name, [a, b]] of Object.entries(ways)) {
    const least = [Infinity, Infinity];
    for (let round = 0; round < 20; round++) {
      await new Promise((then) => setTimeout(then, 1));  // no burst is long, however slow the machine
      for (const [which, work] of [[0, a], [1, b]]) {
        const begin = performance.now();
        for (let i = 0; i < 10; i++) if (await work()) told.push(`${name} takes a wrong one`);
        least[which] = Math.min(least[which], performance.now() - begin);
      }
    }
    // A comparison that stops at the first difference takes a hundredth of the time, of so many bytes.
    const ratio = least[0] / least[1];
    if (ratio < 0.5 || ratio > 2) told.push(`${name}: ${least}`);
  }
  return new Response(told.join('\n') || 'nothing told');
} };

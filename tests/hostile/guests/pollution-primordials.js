// attack: prototype pollution
// promise: what a program does to its prototypes changes nothing of how the platform answers for it
// limit: none
// ends: 200
// answer: mine
// requests: 2
const { defineProperty, getOwnPropertyNames } = Object;
const { ownKeys } = Reflect;
const spoiled = () => { throw 'spoiled'; };

function spoilAll(target) {
  const keys = ownKeys(target);
  for (let i = 0; i < keys.length; i++) {
    if (keys[i] === 'constructor' || keys[i] === 'prototype') continue;
    try { defineProperty(target, keys[i], { get: spoiled, configurable: false }); } catch {}
  }
}

export default { fetch() {
  const answer = new Response('mine', { headers: { 'x-a': 'b' } });
  const names = getOwnPropertyNames(globalThis);
  for (let i = 0; i < names.length; i++) {
    let value;
    try { value = globalThis[names[i]]; } catch { continue; }
    if (typeof value !== 'function' || !value.prototype) continue;
    spoilAll(value.prototype);
    spoilAll(value);
  }
  return answer;
} };

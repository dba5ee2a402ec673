// attack: poisoning
// promise: what a top level does to the platform is its own program's only
// limit: none
// ends: 200
// answer: mine
// requests: 2
Object.prototype.polluted = 'polluted';
Array.prototype.sort = function () { return ['polluted']; };
String.prototype.split = () => ['polluted'];
JSON.stringify = () => 'polluted';
globalThis.left = 'left';
Object.defineProperty(globalThis, 'Response2', { get() { throw new Error('spoiled'); } });
export default { fetch: () => new Response('mine') };

// attack: poisoning
// promise: a module that one request has imported is not the next one's
// limit: none
// ends: 200
// answer: clean
// requests: 4
export default { async fetch() {
  const path = await import('node:path');
  const events = await import('node:events');
  const found = path.default.left ?? events.default.left ?? events.EventEmitter.prototype.left ?? 'clean';
  path.default.left = events.default.left = 'left';
  events.EventEmitter.prototype.left = 'left';
  path.default.join = () => 'left';
  return new Response(found);
} };

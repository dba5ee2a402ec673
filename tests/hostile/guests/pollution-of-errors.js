// attack: prototype pollution
// promise: whatever is thrown, the caller gets an answer and the owner a line
// limit: none
// ends: 500 agent_failed
// log: ERROR
export default { fetch() {
  Error.prepareStackTrace = () => { throw new Error('again'); };
  for (const key of ['message', 'name', 'stack', 'toString', 'cause']) Object.defineProperty(Error.prototype, key, { get() { throw new Proxy({}, { get() { throw 1; } }); } });
  throw new Proxy(new Error('x'), { get() { throw 1; }, getPrototypeOf() { throw 2; }, ownKeys() { throw 3; }, getOwnPropertyDescriptor() { throw 4; } });
} };

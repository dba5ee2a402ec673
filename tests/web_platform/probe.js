// What the global object of a machine has: every name, and the names of its members.
const chain = (object) => {
  const names = new Set();
  for (let o = object; o !== null && o !== undefined && o !== Object.prototype && o !== Function.prototype; o = Object.getPrototypeOf(o)) {
    for (const name of Object.getOwnPropertyNames(o)) names.add(name);
  }
  return [...names];
};
const found = {};
const look = (prefix, object) => {
  for (const name of Object.getOwnPropertyNames(object)) {
    const value = name === 'scriptOutput' ? undefined : object[name];
    const entry = { members: [], statics: [] };
    if (typeof value === 'function' && value.prototype) {
      entry.members = chain(value.prototype);
      entry.statics = chain(value);
    } else if (value !== null && typeof value === 'object' && value !== globalThis) {
      entry.members = chain(value);
    }
    found[prefix + name] = entry;
  }
};
look('', globalThis);
if (typeof WebAssembly === 'object') look('WebAssembly.', WebAssembly);
for (const name of ['addEventListener', 'removeEventListener', 'dispatchEvent']) {
  if (typeof globalThis[name] === 'function') found[name] ??= { members: [], statics: [] };
}
scriptOutput = JSON.stringify(found);

// Call sites: what Error.prepareStackTrace is given (https://v8.dev/docs/stack-trace-api). The engine's have the four
// methods that matter; packages call the others too.

const MORE = {
  getThis() {
    return undefined;
  },
  getTypeName() {
    return null;
  },
  getFunction() {
    return undefined;
  },
  getMethodName() {
    return null;
  },
  getEvalOrigin() {
    return undefined;
  },
  getPromiseIndex() {
    return null;
  },
  getScriptNameOrSourceURL() {
    return this.getFileName();
  },
  getScriptHash() {
    return '';
  },
  getEnclosingLineNumber() {
    return null;
  },
  getEnclosingColumnNumber() {
    return null;
  },
  getPosition() {
    return 0;
  },
  isToplevel() {
    return true;
  },
  isEval() {
    return false;
  },
  isConstructor() {
    return false;
  },
  isAsync() {
    return false;
  },
  isPromiseAll() {
    return false;
  },
  toString() {
    const place = `${this.getFileName() ?? 'native'}:${this.getLineNumber()}:${this.getColumnNumber()}`;
    const name = this.getFunctionName();
    return name ? `${name} (${place})` : place;
  },
};

/** Gives the engine's call sites the methods that they lack. */
export function completeCallSites() {
  const { prepareStackTrace } = Error;
  let sites = [];
  Error.prepareStackTrace = (_, given) => (sites = given);
  void new Error().stack;
  Error.prepareStackTrace = prepareStackTrace;
  if (sites.length === 0) return;
  const prototype = Object.getPrototypeOf(sites[0]);
  for (const name of Object.keys(MORE)) {
    if (Object.hasOwn(prototype, name)) continue;
    Object.defineProperty(prototype, name, {
      __proto__: null,
      value: MORE[name],
      writable: true,
      configurable: true,
      enumerable: false,
    });
  }
}

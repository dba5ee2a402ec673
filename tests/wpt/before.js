// Comes before testharness.js: what a test may expect of its global object, and where results go.
globalThis.GLOBAL = {
  isWindow: () => false,
  isWorker: () => false,
  isShadowRealm: () => false,
};
globalThis.self ??= globalThis;
globalThis.location = new URL(scriptArgs[0]);
globalThis.META_TITLE = scriptArgs[1];

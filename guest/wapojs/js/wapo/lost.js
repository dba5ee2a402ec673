// What becomes of a handle that nobody has any more. FinalizationRegistry, with tokens of its own: the engine keeps a
// token alive, so that the handle itself would never be lost.

const { FinalizationRegistry, WeakMap } = globalThis;

export class Lost {
  #registry;
  #tokens = new WeakMap();

  /** @param {function(*)} clean is given what was registered with the handle; not the handle, which is gone */
  constructor(clean) {
    this.#registry = new FinalizationRegistry(clean);
  }

  watch(handle, held) {
    const token = {};
    this.#tokens.set(handle, token);
    this.#registry.register(handle, held, token);
  }

  forget(handle) {
    const token = this.#tokens.get(handle);
    if (token !== undefined) this.#registry.unregister(token);
  }
}

// CryptoKey: https://w3c.github.io/webcrypto/#cryptokey-interface
//
// The key itself, [[handle]], is bytes in this machine's memory: in what form is its algorithm's business. The host
// keeps no keys, so a key may be cloned, be part of an image, and goes with the machine.

import { defineInterface, illegalConstructor } from '../interfaces.js';
import { copyBuffer, typedArrayBuffer } from '../primordials.js';
import { registerSerializable } from '../structured-clone.js';

const { Uint8Array } = globalThis;

const CREATE = {};

/** Makes a key: type, [[extractable]], [[algorithm]] (never changed afterwards), [[usages]] normalized, [[handle]]. */
export let createKey;
export let isCryptoKey;
export let typeOf;
export let isExtractable;
export let algorithmOf;
export let usagesOf;
export let handleOf;

export class CryptoKey {
  #type;
  #extractable;
  #algorithm;
  #usages;
  #handle;
  #algorithmCached;
  #usagesCached;

  constructor(key = undefined, type = '', extractable = false, algorithm = null, usages = [], handle = null) {
    if (key !== CREATE) throw illegalConstructor();
    this.#type = type;
    this.#extractable = extractable;
    this.#algorithm = algorithm;
    this.#usages = usages;
    this.#handle = handle;
  }

  get type() {
    return this.#type;
  }

  get extractable() {
    return this.#extractable;
  }

  get algorithm() {
    return (this.#algorithmCached ??= toObject(this.#algorithm));
  }

  get usages() {
    return (this.#usagesCached ??= [...this.#usages]);
  }

  static {
    createKey = (type, extractable, algorithm, usages, handle) =>
      new CryptoKey(CREATE, type, extractable, algorithm, usages, handle);
    isCryptoKey = (value) => typeof value === 'object' && value !== null && #handle in value;
    typeOf = (key) => key.#type;
    isExtractable = (key) => key.#extractable;
    algorithmOf = (key) => key.#algorithm;
    usagesOf = (key) => key.#usages;
    handleOf = (key) => key.#handle;
  }
}

defineInterface(CryptoKey);

/** A dictionary as the program sees it: an object of its own. */
function toObject(dictionary) {
  const object = {};
  for (const name in dictionary) {
    const value = dictionary[name];
    if (typeof value !== 'object') object[name] = value;
    else if (value instanceof Uint8Array)
      object[name] = new Uint8Array(copyBuffer(typedArrayBuffer(value), 0, value.length));
    else object[name] = toObject(value);
  }
  return object;
}

registerSerializable(isCryptoKey, (key) =>
  createKey(typeOf(key), isExtractable(key), algorithmOf(key), usagesOf(key), handleOf(key)),
);

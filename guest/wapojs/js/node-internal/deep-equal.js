// Deep equality, as util.isDeepStrictEqual and assert.deepEqual define it:
// https://nodejs.org/api/assert.html#comparison-details_1

import { classOf } from 'wapo:native';

const { getOwnPropertySymbols, getPrototypeOf, is, keys } = Object;
const { isView } = ArrayBuffer;

const isObject = (value) => typeof value === 'object' && value !== null;
const PRIMITIVES = ['Boolean', 'Number', 'String', 'Symbol', 'BigInt'];

class Comparison {
  #strict;
  /** Pairs that are being compared: what meets itself again is equal if the rest is. */
  #pairs = new Map();

  constructor(strict) {
    this.#strict = strict;
  }

  equal(a, b) {
    if (a === b) return a !== 0 || !this.#strict || is(a, b);
    if (!isObject(a) || !isObject(b)) return this.#equalPrimitives(a, b);
    if (this.#strict && getPrototypeOf(a) !== getPrototypeOf(b)) return false;
    const kind = classOf(a);
    if (kind !== classOf(b)) return false;
    if (!this.#equalContents(kind, a, b)) return false;
    const known = this.#pairs.get(a);
    if (known !== undefined) return known === b;
    this.#pairs.set(a, b);
    const result = this.#equalMembers(kind, a, b);
    this.#pairs.delete(a);
    return result;
  }

  #equalPrimitives(a, b) {
    if (this.#strict) return is(a, b);
    if (isObject(a) || isObject(b) || typeof a === 'function' || typeof b === 'function') return false;
    return a == b || (a !== a && b !== b);
  }

  /** What is in an object beside its properties. */
  #equalContents(kind, a, b) {
    if (kind === 'Array') return a.length === b.length;
    if (kind === 'Date') return is(a.getTime(), b.getTime());
    if (kind === 'RegExp') return String(a) === String(b) && a.lastIndex === b.lastIndex;
    if (kind === 'Error') {
      return (
        a.name === b.name && a.message === b.message && this.equal(a.cause, b.cause) && this.equal(a.errors, b.errors)
      );
    }
    if (PRIMITIVES.includes(kind)) return is(a.valueOf(), b.valueOf());
    if (kind === 'Map' || kind === 'Set') return a.size === b.size;
    if (kind === 'ArrayBuffer' || kind === 'SharedArrayBuffer') return equalBytes(new Uint8Array(a), new Uint8Array(b));
    if (isView(a)) {
      const bytes = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
      return a.byteLength === b.byteLength && equalBytes(bytes(a), bytes(b));
    }
    return kind !== 'Promise' && kind !== 'WeakMap' && kind !== 'WeakSet';
  }

  #equalMembers(kind, a, b) {
    if (kind === 'Set' && !this.#equalSets(a, b)) return false;
    if (kind === 'Map' && !this.#equalMaps(a, b)) return false;
    if (isView(a) && kind !== 'DataView') return true;
    const names = keys(a);
    if (names.length !== keys(b).length) return false;
    for (const name of names) {
      if (!Object.hasOwn(b, name) || !this.equal(a[name], b[name])) return false;
    }
    if (!this.#strict) return true;
    const enumerable = (object) =>
      getOwnPropertySymbols(object).filter((symbol) => Object.prototype.propertyIsEnumerable.call(object, symbol));
    const symbols = enumerable(a);
    if (symbols.length !== enumerable(b).length) return false;
    return symbols.every((symbol) => Object.hasOwn(b, symbol) && this.equal(a[symbol], b[symbol]));
  }

  #equalSets(a, b) {
    const left = [];
    for (const item of a) if (!b.has(item)) left.push(item);
    if (left.length === 0) return true;
    const candidates = [...b].filter((item) => !a.has(item));
    return left.every((item) => {
      const at = candidates.findIndex((other) => this.equal(item, other));
      if (at < 0) return false;
      candidates.splice(at, 1);
      return true;
    });
  }

  #equalMaps(a, b) {
    const left = [];
    for (const [key, value] of a) {
      if (!b.has(key)) left.push([key, value]);
      else if (!this.equal(value, b.get(key))) return false;
    }
    const candidates = [...b].filter(([key]) => !a.has(key));
    return left.every(([key, value]) => {
      const at = candidates.findIndex((other) => this.equal(key, other[0]) && this.equal(value, other[1]));
      if (at < 0) return false;
      candidates.splice(at, 1);
      return true;
    });
  }
}

function equalBytes(a, b) {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export const isDeepStrictEqual = (a, b) => new Comparison(true).equal(a, b);
export const isDeepLooseEqual = (a, b) => new Comparison(false).equal(a, b);

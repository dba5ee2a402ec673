// The shape of interfaces on the global object: https://webidl.spec.whatwg.org/#js-interfaces
//
// A JavaScript class differs from an interface in small, visible ways: members of an interface are enumerable, it has
// a Symbol.toStringTag, constants, iterators with a prototype of their own. `defineInterface` makes up the difference.

import { call, IteratorPrototype, ownKeys } from './primordials.js';
import { requireArguments, toCallback } from './webidl.js';

const { TypeError, WeakSet } = globalThis;
const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, setPrototypeOf } = Object;
const { iterator, toStringTag } = Symbol;

/** What an interface without a public constructor throws. */
export const illegalConstructor = () => new TypeError('Illegal constructor');

/** Adds a read-only, non-enumerable Symbol.toStringTag, as Web IDL gives every interface prototype and namespace. */
export function defineTag(object, name) {
  defineProperty(object, toStringTag, { __proto__: null, value: name, configurable: true });
}

function makeEnumerable(object, except) {
  const keys = ownKeys(object);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (typeof key === 'symbol' || except.includes(key)) continue;
    const descriptor = getOwnPropertyDescriptor(object, key);
    if (descriptor.enumerable) continue;
    descriptor.enumerable = true;
    defineProperty(object, key, descriptor);
  }
}

const platformPrototypes = new WeakSet();

/** Whether an object inherits from an interface, given its prototype. */
export function isPlatformPrototype(prototype) {
  for (; prototype !== null; prototype = getPrototypeOf(prototype)) if (platformPrototypes.has(prototype)) return true;
  return false;
}

/**
 * Finishes a class as an interface.
 * @param {Object<string, number>} [constants] defined on the interface and on its prototype
 */
export function defineInterface(Interface, constants = undefined) {
  makeEnumerable(Interface, ['length', 'name', 'prototype']);
  makeEnumerable(Interface.prototype, ['constructor']);
  defineTag(Interface.prototype, Interface.name);
  platformPrototypes.add(Interface.prototype);
  for (const name in constants) {
    const descriptor = { __proto__: null, value: constants[name], enumerable: true };
    defineProperty(Interface, name, descriptor);
    defineProperty(Interface.prototype, name, descriptor);
  }
}

/** Gives an interface the members of a mixin: `X includes Y`. Call it before defineInterface. */
export function include(Interface, members) {
  const keys = ownKeys(members);
  for (let i = 0; i < keys.length; i++) {
    defineProperty(Interface.prototype, keys[i], getOwnPropertyDescriptor(members, keys[i]));
  }
}

/**
 * Defines a global as the standard does: writable and configurable; operations are enumerable, interfaces and namespaces
 * are not.
 */
export function exposeGlobal(name, value, enumerable = false) {
  defineProperty(globalThis, name, { __proto__: null, value, writable: true, enumerable, configurable: true });
}

/** Finishes a class of iterators: https://webidl.spec.whatwg.org/#js-iterator-prototype-object */
export function defineIterator(Class, tag, parentPrototype) {
  const { prototype } = Class;
  makeEnumerable(prototype, ['constructor']);
  delete prototype.constructor;
  setPrototypeOf(prototype, parentPrototype);
  defineTag(prototype, tag);
}

/**
 * iterable<K, V>: entries, keys, values, forEach and Symbol.iterator, all live: https://webidl.spec.whatwg.org/#es-iterable
 * @param {function(object): [*, *][]} pairsOf the current pairs of a genuine instance; throws for anything else
 */
export function definePairIterable(Interface, pairsOf) {
  const name = Interface.name;
  class PairIterator {
    #target;
    #kind; // 'entries', or the index in the pair of what is wanted
    #index = 0;

    constructor(target, kind) {
      pairsOf(target); // the brand check
      this.#target = target;
      this.#kind = kind;
    }

    next() {
      if (!(#target in this)) throw new TypeError(`next called on an object that is no ${name} Iterator`);
      const pairs = pairsOf(this.#target);
      if (this.#index >= pairs.length) return { value: undefined, done: true };
      const pair = pairs[this.#index++];
      const kind = this.#kind;
      return { value: kind === 'entries' ? [pair[0], pair[1]] : pair[kind], done: false };
    }
  }
  defineIterator(PairIterator, `${name} Iterator`, IteratorPrototype);

  const methods = {
    entries() {
      return new PairIterator(this, 'entries');
    },
    keys() {
      return new PairIterator(this, 0);
    },
    values() {
      return new PairIterator(this, 1);
    },
    forEach(callback, thisArg = undefined) {
      pairsOf(this);
      requireArguments(arguments.length, 1, `${name}.forEach`);
      toCallback(callback, `${name}.forEach: the callback`);
      for (let i = 0, pairs; i < (pairs = pairsOf(this)).length; i++) {
        const pair = pairs[i];
        call(callback, thisArg, pair[1], pair[0], this);
      }
    },
  };
  for (const key in methods) {
    defineProperty(Interface.prototype, key, {
      __proto__: null,
      value: methods[key],
      writable: true,
      enumerable: true,
      configurable: true,
    });
  }
  defineProperty(Interface.prototype, iterator, {
    __proto__: null,
    value: methods.entries,
    writable: true,
    enumerable: false,
    configurable: true,
  });
}

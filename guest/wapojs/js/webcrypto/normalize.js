// Algorithm normalization: https://w3c.github.io/webcrypto/#algorithm-normalization-normalize-an-algorithm
//
// Algorithms register what they can do. An operation is `{ params, run }`: `params` reads the members of the dictionary
// that the operation's type has beside the name, and `run` does it.

import { DOMException } from '../dom-exception.js';
import { toDOMString } from '../webidl.js';
import { copyBytes } from './bytes.js';
import { required } from './dictionaries.js';

const { Uint8Array } = globalThis;

/** [[supportedAlgorithms]], by name in upper case. */
const algorithms = { __proto__: null };

const noParams = () => ({ __proto__: null });

/**
 * Makes an algorithm known.
 * @param {Object<string, {params: function(object): object, run: Function}>} operations by name
 */
export function registerAlgorithm(name, operations) {
  algorithms[name.toUpperCase()] = { __proto__: null, name, ...operations };
}

const NOT_ASCII = /[^\0-\x7f]/;

const find = (name) => (NOT_ASCII.test(name) ? undefined : algorithms[name.toUpperCase()]);

/**
 * "Normalize an algorithm".
 * @param {string} operation
 * @param {string|object} identifier an AlgorithmIdentifier
 * @returns {{algorithm: object, params: object}} what has been registered; the dictionary, with its name
 * @throws {DOMException} NotSupportedError
 */
export function normalize(operation, identifier) {
  const dictionary = typeof identifier === 'string' ? { __proto__: null, name: identifier } : identifier;
  const name = toDOMString(required(dictionary.name, 'name'));
  const algorithm = find(name);
  const entry = algorithm?.[operation];
  if (entry === undefined) throw new DOMException(`'${name}' does not support ${operation}`, 'NotSupportedError');
  if (typeof identifier !== 'string') toDOMString(required(identifier.name, 'name')); // the conversion reads it again
  const params = (entry.params ?? noParams)(dictionary);
  params.name = algorithm.name;
  for (const member in params) if (params[member] instanceof Uint8Array) params[member] = copyBytes(params[member]);
  return { algorithm, params };
}

/** What is registered for a key's algorithm. */
export const algorithmNamed = (name) => find(name);

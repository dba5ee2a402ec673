// Queuing strategies: https://streams.spec.whatwg.org/#qs

import { defineInterface } from '../interfaces.js';
import { call } from '../primordials.js';
import { isObject, requireArguments, toCallback, toDictionary } from '../webidl.js';

const { RangeError, TypeError } = globalThis;

// One function for all strategies of a kind; no methods, and not enumerable ones either.
const { size: byteLengthSize } = { size: (chunk) => chunk.byteLength };
const { size: countSize } = { size: () => 1 };

function highWaterMarkOf(init, name) {
  if (init === undefined || init === null) throw new TypeError(`new ${name}: highWaterMark is required`);
  if (!isObject(init)) throw new TypeError(`new ${name}: the argument must be an object`);
  const { highWaterMark } = init;
  if (highWaterMark === undefined) throw new TypeError(`new ${name}: highWaterMark is required`);
  return +highWaterMark;
}

export class ByteLengthQueuingStrategy {
  #highWaterMark;

  constructor(init) {
    requireArguments(arguments.length, 1, 'new ByteLengthQueuingStrategy');
    this.#highWaterMark = highWaterMarkOf(init, 'ByteLengthQueuingStrategy');
  }

  get highWaterMark() {
    return this.#highWaterMark;
  }

  get size() {
    this.#highWaterMark; // the brand check
    return byteLengthSize;
  }
}

export class CountQueuingStrategy {
  #highWaterMark;

  constructor(init) {
    requireArguments(arguments.length, 1, 'new CountQueuingStrategy');
    this.#highWaterMark = highWaterMarkOf(init, 'CountQueuingStrategy');
  }

  get highWaterMark() {
    return this.#highWaterMark;
  }

  get size() {
    this.#highWaterMark; // the brand check
    return countSize;
  }
}

defineInterface(ByteLengthQueuingStrategy);
defineInterface(CountQueuingStrategy);

/**
 * Converts a QueuingStrategy dictionary.
 * @returns {{highWaterMark: number|undefined, size: Function|undefined}}
 */
export function toStrategy(value, what) {
  const dictionary = toDictionary(value, what);
  let { highWaterMark } = dictionary;
  if (highWaterMark !== undefined) highWaterMark = +highWaterMark;
  const { size } = dictionary;
  if (size !== undefined) toCallback(size, `${what}: size`);
  return { highWaterMark, size };
}

/** ExtractHighWaterMark */
export function extractHighWaterMark({ highWaterMark }, defaultValue) {
  if (highWaterMark === undefined) return defaultValue;
  if (!(highWaterMark >= 0)) throw new RangeError('highWaterMark must be a number from 0');
  return highWaterMark;
}

/** ExtractSizeAlgorithm; null stands for the algorithm that always returns 1. */
export function extractSizeAlgorithm({ size }) {
  if (size === undefined || size === countSize) return null;
  return (chunk) => +call(size, undefined, chunk);
}

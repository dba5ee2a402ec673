// Randomness of node:crypto: https://nodejs.org/api/crypto.html#cryptorandombytessize-callback

import { fillRandom, randomBytes as drawBytes } from 'wapo:native';
import { crypto as webcrypto } from '../crypto.js';
import { Buffer } from '../node/buffer.js';
import { isArrayBuffer } from '../webidl.js';
import { output, toBytes } from './crypto-digests.js';
import { invalidArgument, outOfRange, requireFunction } from './errors.js';

const { isView } = ArrayBuffer;
export const MAX_RANDOM_BYTES = 2 ** 31 - 1;

/** `callback(error, value)` if there is one, the value otherwise. */
export function answer(callback, make) {
  if (callback === undefined) return make();
  requireFunction(callback, 'callback');
  let value;
  try {
    value = make();
  } catch (error) {
    process.nextTick(callback, error);
    return undefined;
  }
  process.nextTick(callback, null, value);
  return undefined;
}

export function randomBytes(size, callback) {
  if (typeof size !== 'number') throw invalidArgument('size', 'of type number', size);
  if (!(size >= 0 && size <= MAX_RANDOM_BYTES)) throw outOfRange('size', `>= 0 && <= ${MAX_RANDOM_BYTES}`, size);
  return answer(callback, () => output(drawBytes(size)));
}
export function randomFillSync(buffer, offset = 0, size = undefined) {
  if (!isView(buffer) && !isArrayBuffer(buffer))
    throw invalidArgument('buf', 'an instance of ArrayBuffer or ArrayBufferView', buffer);
  const unit = buffer.BYTES_PER_ELEMENT ?? 1;
  const bytes = toBytes(buffer, 'buf');
  const start = offset * unit;
  const end = size === undefined ? bytes.length : start + size * unit;
  if (!(start >= 0 && start <= bytes.length)) throw outOfRange('offset', `>= 0 && <= ${bytes.length / unit}`, offset);
  if (!(end >= start && end <= bytes.length))
    throw outOfRange('size + offset', `<= ${bytes.length / unit}`, offset + size);
  fillRandom(bytes.subarray(start, end));
  return buffer;
}

export function randomFill(buffer, ...rest) {
  const callback = rest.pop();
  requireFunction(callback, 'callback');
  answer(callback, () => randomFillSync(buffer, ...rest));
}

const MAX_RANGE = 2 ** 48;

export function randomInt(min, max, callback) {
  if (max === undefined || typeof max === 'function') [min, max, callback] = [0, min, max];
  if (!Number.isSafeInteger(min)) throw invalidArgument('min', 'a safe integer', min);
  if (!Number.isSafeInteger(max)) throw invalidArgument('max', 'a safe integer', max);
  const range = max - min;
  if (!(range > 0 && range < MAX_RANGE)) throw outOfRange('max', `greater than the value of "min" (${min})`, max);
  return answer(callback, () => {
    // What is left over above a multiple of the range would favour small numbers.
    const limit = MAX_RANGE - (MAX_RANGE % range);
    for (;;) {
      const value = Buffer.from(drawBytes(6)).readUIntBE(0, 6);
      if (value < limit) return min + (value % range);
    }
  });
}

export const randomUUID = () => webcrypto.randomUUID();
export const getRandomValues = (array) => webcrypto.getRandomValues(array);

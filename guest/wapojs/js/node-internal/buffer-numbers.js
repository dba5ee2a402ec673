// Numbers in Buffers: readUInt16LE, writeDoubleBE and so on (https://nodejs.org/api/buffer.html)

import { invalidArgument, outOfRange, rangeError } from './errors.js';

const { defineProperty } = Object;
const { isInteger } = Number;

const scratch = new Uint8Array(8);
const scratchView = new DataView(scratch.buffer);

function check(buffer, offset, size) {
  if (typeof offset !== 'number') throw invalidArgument('offset', 'of type number', offset);
  const last = buffer.length - size;
  if (offset >= 0 && offset <= last && isInteger(offset)) return;
  if (!isInteger(offset)) throw outOfRange('offset', 'an integer', offset);
  if (last < 0) throw rangeError('ERR_BUFFER_OUT_OF_BOUNDS', 'Attempt to access memory outside buffer bounds');
  throw outOfRange('offset', `>= 0 and <= ${last}`, offset);
}

function checkSize(size) {
  if (typeof size !== 'number') throw invalidArgument('byteLength', 'of type number', size);
  if (!(isInteger(size) && size >= 1 && size <= 6)) throw outOfRange('byteLength', '>= 1 and <= 6', size);
}

function readUnsigned(buffer, offset, size, little) {
  check(buffer, offset, size);
  let value = 0;
  if (little) for (let i = size - 1; i >= 0; i--) value = value * 256 + buffer[offset + i];
  else for (let i = 0; i < size; i++) value = value * 256 + buffer[offset + i];
  return value;
}

function readSigned(buffer, offset, size, little) {
  const value = readUnsigned(buffer, offset, size, little);
  const half = 2 ** (8 * size - 1);
  return value >= half ? value - 2 * half : value;
}

function writeInteger(buffer, value, offset, size, little, minimum, maximum) {
  value = +value;
  if (!(value >= minimum && value <= maximum)) {
    if (value === value) throw outOfRange('value', `>= ${minimum} and <= ${maximum}`, value);
    value = 0;
  }
  check(buffer, offset, size);
  value = Math.trunc(value);
  if (value < 0) value += 2 ** (8 * size);
  for (let i = 0; i < size; i++) {
    buffer[little ? offset + i : offset + size - 1 - i] = value % 256;
    value = Math.floor(value / 256);
  }
  return offset + size;
}

function load(buffer, offset, size) {
  check(buffer, offset, size);
  for (let i = 0; i < size; i++) scratch[i] = buffer[offset + i];
  return scratchView;
}

function store(buffer, offset, size) {
  for (let i = 0; i < size; i++) buffer[offset + i] = scratch[i];
  return offset + size;
}

/** Numbers that a DataView knows: name, size, its methods. */
const VIEWED = [
  ['Float', 4, 'getFloat32', 'setFloat32'],
  ['Double', 8, 'getFloat64', 'setFloat64'],
  ['BigInt64', 8, 'getBigInt64', 'setBigInt64'],
  ['BigUInt64', 8, 'getBigUint64', 'setBigUint64'],
];

function checkBigInt(value, name) {
  if (typeof value !== 'bigint') throw invalidArgument('value', 'of type bigint', value);
  const [low, high] = name === 'BigInt64' ? [-(2n ** 63n), 2n ** 63n] : [0n, 2n ** 64n];
  if (value < low || value >= high) throw outOfRange('value', `>= ${low}n and < ${high}n`, value);
}

export function defineNumbers(prototype) {
  const add = (name, value) => {
    defineProperty(prototype, name, { __proto__: null, value, writable: true, configurable: true });
    // Both spellings are documented.
    if (name.includes('UInt'))
      defineProperty(prototype, name.replace('UInt', 'Uint'), {
        __proto__: null,
        value,
        writable: true,
        configurable: true,
      });
  };
  for (const little of [true, false]) {
    const order = little ? 'LE' : 'BE';
    for (const size of [1, 2, 4]) {
      if (size === 1 && !little) continue;
      const suffix = size === 1 ? '8' : `${size * 8}${order}`;
      const range = 2 ** (8 * size);
      add(`readUInt${suffix}`, function (offset = 0) {
        return readUnsigned(this, offset, size, little);
      });
      add(`readInt${suffix}`, function (offset = 0) {
        return readSigned(this, offset, size, little);
      });
      add(`writeUInt${suffix}`, function (value, offset = 0) {
        return writeInteger(this, value, offset, size, little, 0, range - 1);
      });
      add(`writeInt${suffix}`, function (value, offset = 0) {
        return writeInteger(this, value, offset, size, little, -range / 2, range / 2 - 1);
      });
    }
    add(`readUInt${order}`, function (offset, size) {
      checkSize(size);
      return readUnsigned(this, offset, size, little);
    });
    add(`readInt${order}`, function (offset, size) {
      checkSize(size);
      return readSigned(this, offset, size, little);
    });
    add(`writeUInt${order}`, function (value, offset, size) {
      checkSize(size);
      return writeInteger(this, value, offset, size, little, 0, 2 ** (8 * size) - 1);
    });
    add(`writeInt${order}`, function (value, offset, size) {
      checkSize(size);
      return writeInteger(this, value, offset, size, little, -(2 ** (8 * size - 1)), 2 ** (8 * size - 1) - 1);
    });
    for (const [name, size, get, set] of VIEWED) {
      add(`read${name}${order}`, function (offset = 0) {
        return load(this, offset, size)[get](0, little);
      });
      add(`write${name}${order}`, function (value, offset = 0) {
        if (name.startsWith('Big')) checkBigInt(value, name);
        check(this, offset, size);
        scratchView[set](0, value, little);
        return store(this, offset, size);
      });
    }
  }
}

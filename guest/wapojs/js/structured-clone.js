// structuredClone: https://html.spec.whatwg.org/#structured-cloning
//
// StructuredSerialize and StructuredDeserialize in one pass, since both ends are in the same realm: values go straight
// from the original to the copy. Only what is transferred must wait, because buffers may be detached only after all
// else has been cloned without an exception; it is a Placeholder in the copy until then.

import { classOf, isDetached } from 'wapo:native';
import { cloneBlob, isBlob } from './blob.js';
import { cloneDOMException, DOMException, isDOMException } from './dom-exception.js';
import { isPlatformPrototype } from './interfaces.js';
import {
  arrayBufferByteLength,
  arrayBufferResizable,
  arrayBufferTransfer,
  copyBuffer,
  dataViewBuffer,
  dataViewByteLength,
  dataViewByteOffset,
  typedArrayBuffer,
  typedArrayByteLength,
  typedArrayByteOffset,
  uncurryThis,
} from './primordials.js';
import { isArrayBuffer, isObject, requireArguments, toDictionary, toSequence } from './webidl.js';

const {
  ArrayBuffer,
  BigInt,
  Boolean,
  Date,
  Error,
  Map,
  Number,
  Object,
  RegExp,
  Set,
  String,
  Symbol,
  TypeError,
  Uint8Array,
} = globalThis;
const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf, hasOwn, keys, prototype: ObjectPrototype } = Object;

const slotReader = (prototype, getter) => uncurryThis(getOwnPropertyDescriptor(prototype, getter).get);
const dateValue = uncurryThis(Date.prototype.getTime);
const mapForEach = uncurryThis(Map.prototype.forEach);
const setForEach = uncurryThis(Set.prototype.forEach);
const regExpSource = slotReader(RegExp.prototype, 'source');
const regExpFlags = slotReader(RegExp.prototype, 'flags');
const maxByteLengthOf = slotReader(ArrayBuffer.prototype, 'maxByteLength');
const resize = uncurryThis(ArrayBuffer.prototype.resize);

const PRIMITIVE_OF = {
  __proto__: null,
  Boolean: uncurryThis(Boolean.prototype.valueOf),
  Number: uncurryThis(Number.prototype.valueOf),
  String: uncurryThis(String.prototype.valueOf),
  BigInt: uncurryThis(BigInt.prototype.valueOf),
};

const collect = (names) => {
  const found = { __proto__: null };
  for (const name of names) if (globalThis[name]) found[name] = globalThis[name];
  return found;
};
const ERRORS = collect(['EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError']);
const VIEWS = collect([
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float16Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
]);

const cannotClone = (what) => new DOMException(`${what} cannot be cloned`, 'DataCloneError');

// Platform objects. Interfaces further up register what they are.

const serializables = [];
const transferables = [];

/** Makes a kind of platform object serializable: `clone(object)` makes the copy. */
export function registerSerializable(accepts, clone) {
  serializables.push({ accepts, clone });
}

/** Makes a kind of platform object transferable: `isDetached(object)`; `transfer(object)` makes the new one. */
export function registerTransferable(accepts, isDetached, transfer) {
  transferables.push({ accepts, isDetached, transfer });
}

const find = (list, value) => list.find((entry) => entry.accepts(value));

registerSerializable(isDOMException, cloneDOMException);
registerSerializable(isBlob, cloneBlob);
registerTransferable(isArrayBuffer, isDetached, arrayBufferTransfer);

/** Stands in a copy for something that will exist when the transfer has been done. */
class Placeholder {
  #result = undefined;
  #make;

  constructor(make) {
    this.#make = make;
  }

  get result() {
    return (this.#result ??= this.#make());
  }
}

/** Whether a view follows the length of its resizable buffer; there is no way to ask, so it is tried. */
function isLengthTracking(buffer, lengthOf) {
  const size = arrayBufferByteLength(buffer);
  const before = lengthOf();
  if (size + 8 <= maxByteLengthOf(buffer)) {
    resize(buffer, size + 8);
    const after = lengthOf();
    resize(buffer, size);
    return after !== before;
  }
  if (size < 8) return false;
  const tail = new Uint8Array(copyBuffer(buffer, size - 8, 8));
  resize(buffer, size - 8);
  let after;
  try {
    after = lengthOf();
  } catch {
    after = before; // out of bounds: it has a length of its own
  }
  resize(buffer, size);
  new Uint8Array(buffer, size - 8).set(tail);
  return after !== before && after !== 0;
}

class Cloner {
  /** Originals to copies, or to placeholders. */
  memory = new Map();

  clone(value) {
    if (typeof value !== 'object') {
      if (typeof value === 'symbol') throw cannotClone('a symbol');
      if (typeof value === 'function') throw cannotClone('a function');
      return value;
    }
    if (value === null) return null;
    const copy = this.memory.get(value);
    return copy === undefined ? this.#cloneObject(value) : copy;
  }

  #remember(original, copy) {
    this.memory.set(original, copy);
    return copy;
  }

  #cloneObject(value) {
    const kind = classOf(value);
    if (kind === 'Object') {
      const prototype = getPrototypeOf(value);
      if (prototype !== ObjectPrototype && prototype !== null && isPlatformPrototype(prototype)) {
        return this.#clonePlatformObject(value);
      }
      return this.#cloneProperties(value, keys(value), this.#remember(value, {}));
    }
    switch (kind) {
      case 'Array':
        return this.#cloneArray(value);
      case 'Boolean':
      case 'Number':
      case 'String':
      case 'BigInt':
        return this.#remember(value, Object(PRIMITIVE_OF[kind](value)));
      case 'Date':
        return this.#remember(value, new Date(dateValue(value)));
      case 'RegExp':
        return this.#remember(value, new RegExp(regExpSource(value), regExpFlags(value)));
      case 'ArrayBuffer':
        return this.#remember(value, cloneBuffer(value));
      case 'Map':
        return this.#cloneMap(value);
      case 'Set':
        return this.#cloneSet(value);
      case 'Error':
        return isDOMException(value) ? this.#clonePlatformObject(value) : this.#remember(value, cloneError(value));
      default:
        if (VIEWS[kind] === undefined) throw cannotClone(`an object of class ${kind}`);
        return this.#cloneView(value, kind);
    }
  }

  #clonePlatformObject(value) {
    const entry = find(serializables, value);
    if (entry === undefined) throw cannotClone(`an object of class ${String(value[Symbol.toStringTag])}`);
    return this.#remember(value, entry.clone(value));
  }

  /** Clones the properties of `names` that are still there when it is their turn. */
  #cloneProperties(value, names, copy) {
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      const item = value[name];
      if (item === undefined && !hasOwn(value, name)) continue; // a getter before it deleted it
      const clone = this.clone(item);
      if (name === '__proto__') defineProperty(copy, name, { __proto__: null, value: clone, ...PLAIN });
      else copy[name] = clone;
    }
    return copy;
  }

  #cloneArray(value) {
    const names = keys(value);
    const { length } = value;
    const copy = this.#remember(value, []);
    if (names.length === length && (length === 0 || names[length - 1] === String(length - 1))) {
      // Dense, and nothing else: an index is faster than its name.
      for (let i = 0; i < length; i++) {
        const item = value[i];
        if (item === undefined && !hasOwn(value, i)) continue;
        copy[i] = this.clone(item);
      }
    } else {
      copy.length = length;
      this.#cloneProperties(value, names, copy);
    }
    if (copy.length !== length) copy.length = length;
    return copy;
  }

  #cloneMap(value) {
    const copy = this.#remember(value, new Map());
    const entries = [];
    mapForEach(value, (item, key) => entries.push(key, item));
    for (let i = 0; i < entries.length; i += 2) copy.set(this.clone(entries[i]), this.clone(entries[i + 1]));
    return copy;
  }

  #cloneSet(value) {
    const copy = this.#remember(value, new Set());
    const items = [];
    setForEach(value, (item) => items.push(item));
    for (let i = 0; i < items.length; i++) copy.add(this.clone(items[i]));
    return copy;
  }

  #cloneView(value, kind) {
    const View = VIEWS[kind];
    const isDataView = kind === 'DataView';
    const buffer = isDataView ? dataViewBuffer(value) : typedArrayBuffer(value);
    if (!isArrayBuffer(buffer)) throw cannotClone('a view of shared memory');
    if (isDetached(buffer)) throw cannotClone('a view of a detached buffer');
    const lengthOf = () => (isDataView ? dataViewByteLength(value) : typedArrayByteLength(value));
    let byteOffset;
    let length;
    try {
      byteOffset = isDataView ? dataViewByteOffset(value) : typedArrayByteOffset(value);
      length = lengthOf();
    } catch {
      throw cannotClone('a view that is out of bounds');
    }
    if (arrayBufferResizable(buffer)) {
      if (isLengthTracking(buffer, lengthOf)) length = undefined;
      // A typed array that is out of bounds says that it has no length and begins at 0.
      else if (length === 0 && !isDataView && byteOffset === 0 && isOutOfBounds(value))
        throw cannotClone('a view that is out of bounds');
    }
    if (length !== undefined && !isDataView) length /= View.BYTES_PER_ELEMENT;
    const bufferCopy = this.clone(buffer);
    if (!(bufferCopy instanceof Placeholder)) return this.#remember(value, new View(bufferCopy, byteOffset, length));
    return this.#remember(value, new Placeholder(() => new View(bufferCopy.result, byteOffset, length)));
  }
}

const typedArrayValues = uncurryThis(Uint8Array.prototype.values);

/** Whether a typed array lies beyond the end of its buffer: only then can it not be iterated. */
function isOutOfBounds(view) {
  try {
    typedArrayValues(view);
    return false;
  } catch {
    return true;
  }
}

const PLAIN = { writable: true, enumerable: true, configurable: true };

function cloneBuffer(buffer) {
  if (isDetached(buffer)) throw cannotClone('a detached buffer');
  const size = arrayBufferByteLength(buffer);
  if (!arrayBufferResizable(buffer)) return copyBuffer(buffer, 0, size);
  const copy = new ArrayBuffer(size, { maxByteLength: maxByteLengthOf(buffer) });
  new Uint8Array(copy).set(new Uint8Array(buffer, 0, size));
  return copy;
}

function cloneError(error) {
  let { name } = error;
  name = name === undefined ? 'Error' : String(name);
  const descriptor = getOwnPropertyDescriptor(error, 'message');
  const message = descriptor !== undefined && 'value' in descriptor ? String(descriptor.value) : undefined;
  const copy = new (ERRORS[name] ?? Error)(message);
  let stack;
  try {
    stack = error.stack;
  } catch {
    // it is only there to help, and not worth an exception
  }
  if (typeof stack === 'string') {
    defineProperty(copy, 'stack', { __proto__: null, value: stack, writable: true, configurable: true });
  }
  return copy;
}

/** Puts results in the place of placeholders, throughout a copy. Everything in it is ours, so no user code runs. */
function resolvePlaceholders(value, seen) {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Placeholder) return value.result;
  if (seen.has(value)) return value;
  seen.add(value);
  switch (classOf(value)) {
    case 'Array':
    case 'Object':
      if (isPlatformPrototype(getPrototypeOf(value))) break;
      for (const name of keys(value)) {
        const item = value[name];
        const result = resolvePlaceholders(item, seen);
        if (result !== item) value[name] = result;
      }
      break;
    case 'Map': {
      const entries = [];
      mapForEach(value, (item, key) => entries.push(resolvePlaceholders(key, seen), resolvePlaceholders(item, seen)));
      value.clear();
      for (let i = 0; i < entries.length; i += 2) value.set(entries[i], entries[i + 1]);
      break;
    }
    case 'Set': {
      const items = [];
      setForEach(value, (item) => items.push(resolvePlaceholders(item, seen)));
      value.clear();
      for (let i = 0; i < items.length; i++) value.add(items[i]);
      break;
    }
  }
  return value;
}

/**
 * StructuredSerializeWithTransfer, then StructuredDeserializeWithTransfer.
 * @param {object[]} transferList
 * @returns {{value: *, transferred: object[]}} the copy, and the new objects in the order of the list
 * @throws {DOMException} a DataCloneError; nothing has been transferred then
 */
export function cloneWithTransfer(value, transferList) {
  const cloner = new Cloner();
  if (transferList.length === 0) return { value: cloner.clone(value), transferred: [] };
  const placeholders = [];
  for (let i = 0; i < transferList.length; i++) {
    const object = transferList[i];
    const entry = find(transferables, object);
    if (entry === undefined)
      throw new DOMException('an object in the transfer list cannot be transferred', 'DataCloneError');
    if (cloner.memory.has(object)) throw new DOMException('an object is twice in the transfer list', 'DataCloneError');
    const placeholder = new Placeholder(() => entry.transfer(object));
    cloner.memory.set(object, placeholder);
    placeholders.push({ placeholder, entry, object });
  }
  const copy = cloner.clone(value);
  for (let i = 0; i < placeholders.length; i++) {
    const { entry, object } = placeholders[i];
    if (entry.isDetached(object))
      throw new DOMException('an object in the transfer list is detached', 'DataCloneError');
  }
  const transferred = placeholders.map(({ placeholder }) => placeholder.result);
  return { value: resolvePlaceholders(copy, new Set()), transferred };
}

/** A structured clone without transfer. */
export const clone = (value) => new Cloner().clone(value);

function toTransferable(value) {
  if (!isObject(value)) throw new TypeError('an item of the transfer list must be an object');
  return value;
}

/** The `transfer` member of StructuredSerializeOptions, or a sequence<object>. */
export function toTransferList(value, what) {
  return value === undefined ? [] : toSequence(value, toTransferable, what);
}

/** The global function. */
export function structuredClone(value, options = undefined) {
  requireArguments(arguments.length, 1, 'structuredClone');
  const { transfer } = toDictionary(options, 'structuredClone: options');
  return cloneWithTransfer(value, toTransferList(transfer, 'structuredClone: transfer')).value;
}

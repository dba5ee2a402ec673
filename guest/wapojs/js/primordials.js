// Built-ins that the platform relies on, captured before user code runs.
//
// A program may replace any global or prototype method. Doing so must change what the program sees, not how the
// platform works inside, so every file here takes what it needs from its own top-level constants or from this list.
// Methods of strings, arrays and Maps that only platform code holds are called directly: only promises, buffers and
// user functions meet code that we do not control.

import { call, uncurryThis } from 'wapo:native';

const { Uint8Array } = globalThis;
const { getOwnPropertyDescriptor, getPrototypeOf } = Object;

/** `call(fn, thisArg, a, b)` calls with a `this` value; `uncurryThis(method)` takes its `this` value first. */
export { call, uncurryThis };

/** A getter, as a function of the object. */
const getter = (prototype, name) => uncurryThis(getOwnPropertyDescriptor(prototype, name).get);

export const { apply, construct, ownKeys } = Reflect;

export const TypedArrayPrototype = getPrototypeOf(Uint8Array.prototype);

export const typedArrayBuffer = getter(TypedArrayPrototype, 'buffer');
export const typedArrayByteLength = getter(TypedArrayPrototype, 'byteLength');
export const typedArrayByteOffset = getter(TypedArrayPrototype, 'byteOffset');
export const typedArrayLength = getter(TypedArrayPrototype, 'length');
export const typedArraySet = uncurryThis(TypedArrayPrototype.set);
export const typedArraySlice = uncurryThis(TypedArrayPrototype.slice);

export const dataViewBuffer = getter(DataView.prototype, 'buffer');
export const dataViewByteLength = getter(DataView.prototype, 'byteLength');
export const dataViewByteOffset = getter(DataView.prototype, 'byteOffset');

export const arrayBufferByteLength = getter(ArrayBuffer.prototype, 'byteLength');
export const arrayBufferTransfer = ArrayBuffer.prototype.transfer
  ? uncurryThis(ArrayBuffer.prototype.transfer)
  : (buffer) => structuredClone(buffer, { transfer: [buffer] }); // Node 20, which only runs our tests
export const arrayBufferResizable = getter(ArrayBuffer.prototype, 'resizable');
export const sharedArrayBufferGrowable = getter(SharedArrayBuffer.prototype, 'growable');

/** A new ArrayBuffer with some bytes of another. (`slice` would ask the other's constructor for its species.) */
export function copyBuffer(buffer, byteOffset, byteLength) {
  const copy = new Uint8Array(byteLength);
  typedArraySet(copy, new Uint8Array(buffer, byteOffset, byteLength));
  return typedArrayBuffer(copy);
}

/** The engine's own queueMicrotask: runs a function as a promise job, with no promise behind it. */
export const enqueueMicrotask = globalThis.queueMicrotask;

export const IteratorPrototype = getPrototypeOf(getPrototypeOf([][Symbol.iterator]()));
export const AsyncIteratorPrototype = getPrototypeOf(getPrototypeOf(async function* () {}).prototype);

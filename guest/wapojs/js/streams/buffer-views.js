// ArrayBufferView arguments of the Streams standard: typed arrays and DataViews of any kind, kept as what they are.

import { classOf } from 'wapo:native';
import {
  arrayBufferResizable,
  dataViewBuffer,
  dataViewByteLength,
  dataViewByteOffset,
  typedArrayBuffer,
  typedArrayByteLength,
  typedArrayByteOffset,
} from '../primordials.js';
import { isArrayBuffer, isArrayBufferView } from '../webidl.js';

const { DataView, TypeError } = globalThis;

// The constructors as they are now, whatever user code puts in their place.
const TYPES = { __proto__: null, DataView: { constructor: DataView, elementSize: 1 } };
for (const name of [
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
]) {
  const constructor = globalThis[name];
  if (constructor) TYPES[name] = { constructor, elementSize: constructor.BYTES_PER_ELEMENT };
}

/** Throws unless the value is a view of an ArrayBuffer that is neither shared nor resizable. */
export function toView(value, what) {
  if (!isArrayBufferView(value)) throw new TypeError(`${what} must be a view of an ArrayBuffer`);
  const buffer = viewBuffer(value);
  if (!isArrayBuffer(buffer)) throw new TypeError(`${what} must not be backed by shared memory`);
  if (arrayBufferResizable(buffer)) throw new TypeError(`${what} must not be backed by a resizable buffer`);
  return value;
}

const isDataView = (view) => classOf(view) === 'DataView';

export const viewBuffer = (view) => (isDataView(view) ? dataViewBuffer(view) : typedArrayBuffer(view));

/** 0 for a detached view; its own getter would throw for a DataView. */
export function viewByteLength(view) {
  if (!isDataView(view)) return typedArrayByteLength(view);
  try {
    return dataViewByteLength(view);
  } catch {
    return 0;
  }
}

export function viewByteOffset(view) {
  if (!isDataView(view)) return typedArrayByteOffset(view);
  try {
    return dataViewByteOffset(view);
  } catch {
    return 0;
  }
}

/** @returns {{constructor: Function, elementSize: number}} what makes another view of the same kind */
export const viewType = (view) => TYPES[classOf(view)];

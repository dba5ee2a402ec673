// What the interfaces share: value types, descriptors, and objects that the engine makes.
// https://webassembly.github.io/spec/js-api/#enumdef-valuetype

import { enforceRange, isObject, toDictionary, toDOMString } from '../webidl.js';

const { TypeError } = globalThis;
const { getPrototypeOf, setPrototypeOf } = Object;

/** In the order of the binary format. */
export const KINDS = ['function', 'table', 'memory', 'global', 'tag'];

const TYPES = { __proto__: null, i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, externref: 0x6f, anyfunc: 0x70 };
const REFERENCES = { __proto__: null, externref: 0x6f, anyfunc: 0x70 };
export const I64 = TYPES.i64;
export const FUNCREF = TYPES.anyfunc;
export const EXTERNREF = TYPES.externref;

/** The number of a ValueType or, with `references`, of a TableKind. */
export function toType(value, what, references = false) {
  const name = toDOMString(value);
  const type = (references ? REFERENCES : TYPES)[name];
  if (type === undefined) throw new TypeError(`${what}: '${name}' is not supported`);
  return type;
}

/** [EnforceRange] unsigned long */
export const toIndex = (value, what) => enforceRange(value, what, 0xffffffff);

/** `initial` and `maximum` of a descriptor, whose members are read in the order of their names. */
export function readLimits(descriptor, what) {
  const { initial } = descriptor;
  if (initial === undefined) throw new TypeError(`${what}: 'initial' is required`);
  const min = toIndex(initial, `${what}: 'initial'`);
  const { maximum } = descriptor;
  const max = maximum === undefined ? undefined : toIndex(maximum, `${what}: 'maximum'`);
  return { min, max };
}

export function toDescriptor(value, what) {
  if (!isObject(value)) throw new TypeError(`${what} must be an object`);
  return toDictionary(value, what);
}

/** Gives an object that the engine made the prototype that `new` asks for. */
export function adopt(object, newTarget) {
  const { prototype } = newTarget;
  if (isObject(prototype) && getPrototypeOf(object) !== prototype) setPrototypeOf(object, prototype);
  return object;
}

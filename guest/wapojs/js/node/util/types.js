// node:util/types: https://nodejs.org/api/util.html#utiltypes
//
// The engine knows the class of an object, whatever its prototype says.

import { classOf, getProxyTarget, isError } from 'wapo:native';

const { getPrototypeOf } = Object;
const { isView } = ArrayBuffer;

const is = (name) => (value) => classOf(value) === name;

const asyncFunction = getPrototypeOf(async () => {});
const generatorFunction = getPrototypeOf(function* () {});
const asyncGeneratorFunction = getPrototypeOf(async function* () {});

const inherits = (value, prototype) => {
  for (let at = getPrototypeOf(value); at !== null; at = getPrototypeOf(at)) if (at === prototype) return true;
  return false;
};

const TYPED_ARRAY = /^(?:Int|Uint|Float|BigInt|BigUint)\d+(?:Clamped)?Array$/;

export const isAnyArrayBuffer = (value) => isArrayBuffer(value) || isSharedArrayBuffer(value);
export const isArrayBuffer = is('ArrayBuffer');
export const isSharedArrayBuffer = is('SharedArrayBuffer');
export const isArrayBufferView = (value) => isView(value);
export const isDataView = is('DataView');
export const isTypedArray = (value) => TYPED_ARRAY.test(classOf(value));
export const isUint8Array = is('Uint8Array');
export const isUint8ClampedArray = is('Uint8ClampedArray');
export const isUint16Array = is('Uint16Array');
export const isUint32Array = is('Uint32Array');
export const isInt8Array = is('Int8Array');
export const isInt16Array = is('Int16Array');
export const isInt32Array = is('Int32Array');
export const isFloat16Array = is('Float16Array');
export const isFloat32Array = is('Float32Array');
export const isFloat64Array = is('Float64Array');
export const isBigInt64Array = is('BigInt64Array');
export const isBigUint64Array = is('BigUint64Array');
export const isArgumentsObject = (value) => /Arguments$/.test(classOf(value));
export const isDate = is('Date');
export const isRegExp = is('RegExp');
export const isMap = is('Map');
export const isSet = is('Set');
export const isWeakMap = is('WeakMap');
export const isWeakSet = is('WeakSet');
export const isMapIterator = is('Map Iterator');
export const isSetIterator = is('Set Iterator');
export const isPromise = is('Promise');
export const isNumberObject = is('Number');
export const isStringObject = is('String');
export const isBooleanObject = is('Boolean');
export const isSymbolObject = is('Symbol');
export const isBigIntObject = is('BigInt');
export const isBoxedPrimitive = (value) => /^(?:Number|String|Boolean|Symbol|BigInt)$/.test(classOf(value));
export const isNativeError = (value) => isError(value);
export const isProxy = (value) => getProxyTarget(value) !== undefined;
export const isAsyncFunction = (value) =>
  typeof value === 'function' && (inherits(value, asyncFunction) || inherits(value, asyncGeneratorFunction));
export const isGeneratorFunction = (value) =>
  typeof value === 'function' && (inherits(value, generatorFunction) || inherits(value, asyncGeneratorFunction));
export const isGeneratorObject = (value) => /Generator$/.test(classOf(value));
export const isModuleNamespaceObject = is('Module');
export const isExternal = () => false;
export const isKeyObject = (value) => value?.[Symbol.toStringTag] === 'KeyObject';
export const isCryptoKey = (value) => typeof CryptoKey === 'function' && value instanceof CryptoKey;

export default {
  isAnyArrayBuffer,
  isArrayBuffer,
  isSharedArrayBuffer,
  isArrayBufferView,
  isDataView,
  isTypedArray,
  isUint8Array,
  isUint8ClampedArray,
  isUint16Array,
  isUint32Array,
  isInt8Array,
  isInt16Array,
  isInt32Array,
  isFloat16Array,
  isFloat32Array,
  isFloat64Array,
  isBigInt64Array,
  isBigUint64Array,
  isArgumentsObject,
  isDate,
  isRegExp,
  isMap,
  isSet,
  isWeakMap,
  isWeakSet,
  isMapIterator,
  isSetIterator,
  isPromise,
  isNumberObject,
  isStringObject,
  isBooleanObject,
  isSymbolObject,
  isBigIntObject,
  isBoxedPrimitive,
  isNativeError,
  isProxy,
  isAsyncFunction,
  isGeneratorFunction,
  isGeneratorObject,
  isModuleNamespaceObject,
  isExternal,
  isKeyObject,
  isCryptoKey,
};

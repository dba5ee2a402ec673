// `wapo:native` for tests in Node: what guest/wapojs/js/NATIVES.md says, on Node's own functions.

import { createRequire } from 'node:module';
import { types } from 'node:util';
import v8 from 'node:v8';
import vm from 'node:vm';
import zlib from 'node:zlib';

const { TextDecoder, TextEncoder, setTimeout, setInterval, clearTimeout, crypto, performance } = globalThis;
const encoder = new TextEncoder();

export const utf8Encode = (string) => encoder.encode(string);
export const utf8Decode = (bytes, fatal, ignoreBOM) => new TextDecoder('utf-8', { fatal, ignoreBOM }).decode(bytes);
export function latin1Encode(string) {
  for (let i = 0; i < string.length; i++) if (string.charCodeAt(i) > 255) return null;
  return new Uint8Array(Buffer.from(string, 'latin1'));
}
export const latin1Decode = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
export function parseHeaderBlock(block) {
  const parts = block.split('\0');
  const list = [];
  for (let i = 0; i + 1 < parts.length; i += 2) list.push([parts[i], parts[i + 1]]);
  return list;
}
export const isPlainHeaderValue = (value) => /^[\x21-\x7f](?:[\x01-\x09\x0b\x0c\x0e-\x7f]*[\x21-\x7f])?$/.test(value);
export const headerName = (name) => (/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,64}$/.test(name) ? name.toLowerCase() : undefined);
export const headerPairs = () => undefined;
export const parseQuery = () => undefined;
export const call = Function.prototype.call.bind(Function.prototype.call);
export const uncurryThis = (method) => Function.prototype.call.bind(method);
export const promiseReact = (promise, onFulfilled, onRejected) => void Promise.prototype.then.call(promise, onFulfilled, onRejected);
export const randomBytes = (n) => crypto.getRandomValues(new Uint8Array(n));
export const now = () => performance.timeOrigin + performance.now();
export const hrtime = () => performance.now();

const timers = new Map();
let nextId = 1;
export function setTimer(callback, ms, repeat) {
  const id = nextId++;
  const run = () => {
    if (!repeat) timers.delete(id);
    callback();
  };
  timers.set(id, repeat ? setInterval(run, ms) : setTimeout(run, ms));
  return id;
}
export function clearTimer(id) {
  clearTimeout(timers.get(id));
  timers.delete(id);
}
export function unrefTimer(id) {
  timers.get(id)?.unref();
}

export const log = (level, text) => process.stdout.write(`${text}\n`);
export const isDetached = (buffer) => {
  if (buffer.byteLength !== 0) return false;
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
};
export const markHandled = (promise) => void Promise.prototype.then.call(promise, undefined, () => {});

// The insides of promises and proxies; needs --expose-internals.
const { internalBinding } = createRequire(import.meta.url)('internal/test/binding');
const { getPromiseDetails, getProxyDetails } = internalBinding('util');
export const promiseState = (promise) => getPromiseDetails(promise)[0];
export const promiseResult = (promise) => getPromiseDetails(promise)[1];
export const getProxyTarget = (value) => getProxyDetails(value, false);

const CLASSES = [
  ['Proxy', types.isProxy],
  ['Array', Array.isArray],
  ['Map', types.isMap],
  ['Set', types.isSet],
  ['WeakMap', types.isWeakMap],
  ['WeakSet', types.isWeakSet],
  ['Date', types.isDate],
  ['RegExp', types.isRegExp],
  ['Error', types.isNativeError],
  ['Promise', types.isPromise],
  ['ArrayBuffer', types.isArrayBuffer],
  ['SharedArrayBuffer', types.isSharedArrayBuffer],
  ['DataView', types.isDataView],
  ['Number', types.isNumberObject],
  ['String', types.isStringObject],
  ['Boolean', types.isBooleanObject],
  ['Symbol', types.isSymbolObject],
  ['BigInt', types.isBigIntObject],
  ['Generator', types.isGeneratorObject],
  ['Map Iterator', types.isMapIterator],
  ['Set Iterator', types.isSetIterator],
  ['Arguments', types.isArgumentsObject],
  ['Module', types.isModuleNamespaceObject],
];
const typedArrayTag = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
).get;
export function classOf(value) {
  if (typeof value === 'function') return types.isProxy(value) ? 'Proxy' : 'Function';
  if (typeof value !== 'object' || value === null) return '';
  const tag = typedArrayTag.call(value);
  if (tag) return tag;
  for (const [name, is] of CLASSES) if (is(value)) return name;
  try {
    WeakRef.prototype.deref.call(value);
    return 'WeakRef';
  } catch {
    return 'Object';
  }
}

v8.setFlagsFromString('--expose-gc');
export const gc = vm.runInNewContext('gc');

// Node has no coder that takes one piece at a time and answers at once: all is coded when the last is there.
const CODERS = [
  null,
  [zlib.deflateSync, zlib.inflateSync],
  [zlib.deflateRawSync, zlib.inflateRawSync],
  [zlib.gzipSync, zlib.gunzipSync],
];
const coders = [];
export const coderOpen = (format, decode) => coders.push([CODERS[format][Number(decode)], []]) - 1;
export function coderWrite(coder, bytes, last, sink) {
  const [code, pieces] = coders[coder];
  pieces.push(bytes.slice());
  try {
    if (!last) return true;
    const whole = Buffer.concat(pieces);
    const { buffer, engine } = code(whole, { info: true });
    if (buffer.length > 0) sink(new Uint8Array(buffer));
    return engine.bytesWritten === whole.length;
  } catch {
    return false;
  }
}
export const coderClose = (coder) => (coders[coder] = null);

export const memoryExhausted = () => false;

export const getAsyncContext = () => undefined;
export const setAsyncContext = () => undefined;

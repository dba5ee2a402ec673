// What a program may ask of the worker that it runs on: wapojs-api.md 3.16. The calls are those of wapo-abi.md 3.2.

import { ocall, ocallBytes } from 'wapo:native';
import { isObject } from '../webidl.js';
import { Lost } from './lost.js';
import { Reader } from './messages.js';
import { opaque } from './streams.js';
import { checkCall, toText, toWapoBytes } from './values.js';

const { Error, WeakMap } = globalThis;

const SIGN = 250, WORKER_PUBKEY = 251, SGX_QUOTE = 252, READ_BOOT_DATA = 260, WRITE_BOOT_DATA = 261, TRY_LOCK = 262,
  UNLOCK = 263;

function option(bytes) {
  const reader = new Reader(bytes);
  return reader.u8() === 0 ? null : reader.bytes().slice();
}

export function workerSign(message) {
  return new Reader(checkCall(ocallBytes(SIGN, toWapoBytes(message)), 'failed to sign')).bytes().slice();
}

export function workerPublicKey() {
  return checkCall(ocallBytes(WORKER_PUBKEY), 'failed to get the public key');
}

export function sgxQuote(message) {
  return option(checkCall(ocallBytes(SGX_QUOTE, toWapoBytes(message)), 'failed to get a quote'));
}

/** Data that cannot be read are as good as none. */
export function bootData() {
  const answer = ocallBytes(READ_BOOT_DATA);
  return typeof answer === 'number' ? null : option(answer);
}

export function storeBootData(data) {
  checkCall(ocallBytes(WRITE_BOOT_DATA, toWapoBytes(data)), 'failed to store boot data');
  return null;
}

/** @type {WeakMap<object, string>} names of locks that are held */
const guards = new WeakMap();
const lostGuards = new Lost((name) => ocall(UNLOCK, name));

export function tryLock(path) {
  const name = toText(path);
  checkCall(ocall(TRY_LOCK, name), 'lock failed');
  const guard = opaque('AppLockGuard');
  guards.set(guard, name);
  lostGuards.watch(guard, name);
  return guard;
}

export function unlock(guard) {
  const name = isObject(guard) ? guards.get(guard) : undefined;
  if (name === undefined) throw new Error('invalid lock guard');
  guards.delete(guard);
  lostGuards.forget(guard);
  ocall(UNLOCK, name);
  return null;
}

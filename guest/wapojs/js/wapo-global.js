// The Wapo global, as agents see it (wapojs-api.md section 3): what is missing is for programs of their own
// (wapo/contexts.js), and scripts test for it.

import { deriveSecret as derive, hash as digest, log, wyhash64 } from 'wapo:native';
import { inspect } from './inspect.js';
import { typedArraySet } from './primordials.js';
import { defineTag, exposeGlobal } from './interfaces.js';
import { setExit } from './process.js';
import { base64Decode, base64Encode, hexDecode, hexEncode, utf8DecodeBytes, utf8EncodeText } from './wapo/encode.js';
import { httpRequest } from './wapo/http-request.js';
import { isolateEval, runner } from './wapo/isolate.js';
import { isolateCode } from './wapo/isolate-guest.js';
import { defineScriptLogs, useBufferedLogs } from './wapo/logs.js';
import { marker, memoryStats, parseURL, parseURLParams } from './wapo/others.js';
import { print, repr } from './wapo/repr.js';
import { closeResource, exit, wapoSetInterval, wapoSetTimeout } from './wapo/resources.js';
import { callModuleEntry } from './wapo/scripts.js';
import { makeSidevm } from './wapo/sidevm.js';
import { localStorage } from './wapo/storage.js';
import { streamBridge, streamClose, streamOpenRead, streamOpenWrite, streamWriteChunk } from './wapo/streams.js';
import { expected, toWapoBytes } from './wapo/values.js';
import { webSocketCalls } from './wapo/web-socket.js';

const { Array, Error, String, Uint8Array } = globalThis;
const { assign, defineProperty } = Object;

const LEVEL_INFO = 3;

/** Digest names of Wapo.hash; the numbers are the host's (docs/abi.md, 1020). */
const ALGORITHMS = { __proto__: null, sha256: 2, keccak256: 5, blake2b128: 6, blake2b256: 7, blake2b512: 8 };

function hash(algorithm, message) {
  const number = typeof algorithm === 'string' ? ALGORITHMS[algorithm] : undefined;
  if (number === undefined) throw new Error(`unsupported hash algorithm: ${String(algorithm)}`);
  return digest(number, toWapoBytes(message));
}

function nonCryptographicHash(algorithm, message) {
  if (algorithm !== 'wyhash64') throw new Error('unsupported hash algorithm');
  return wyhash64(toWapoBytes(message));
}

function concatU8a(arrays) {
  if (!Array.isArray(arrays)) throw expected('an array of byte arrays', arrays);
  const parts = arrays.map(toWapoBytes);
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    typedArraySet(result, part, at);
    at += part.length;
  }
  return result;
}

function deriveSecret(path) {
  const bytes = toWapoBytes(path);
  if (bytes.length > 256) throw new Error(`InvalidParameter: the path has ${bytes.length} bytes, at most 256 are allowed`);
  return derive(bytes);
}

/** Prints its arguments and returns the text of the first: old programs expect the one, newer ones the other. */
function inspectAndPrint(...values) {
  const texts = values.map((value) => inspect(value));
  log(LEVEL_INFO, texts.join(' '));
  return texts[0] ?? '';
}

const WORKER_SECRET_PATH = 'wapo/worker-secret/v1';

/** A secret as text. An isolate's is of its code, and nothing that its parent's could be found out from. */
function workerSecret() {
  const secret = hexEncode(deriveSecret(WORKER_SECRET_PATH).subarray(0, 32));
  return isolateCode === '' ? secret : `${secret}::${isolateCode}`;
}

export const Wapo = {
  hash, nonCryptographicHash, concatU8a, deriveSecret, inspect: inspectAndPrint,
  hexEncode, hexDecode, base64Encode, base64Decode, utf8Encode: utf8EncodeText, utf8Decode: utf8DecodeBytes, repr, print,
  setTimeout: wapoSetTimeout, setInterval: wapoSetInterval, close: closeResource, exit,
  streamOpenRead, streamOpenWrite, streamWriteChunk, streamClose, streamBridge, httpRequest,
  isolateEval, callModuleEntry, useBufferedLogs, memoryStats, marker, parseURL, parseURLParams,
  run: runner(() => Wapo.isolateEval, () => Wapo.env?.WAPO_BUFFERED_LOGS !== 'disabled'),
};
const constant = (name, get) => defineProperty(Wapo, name, { __proto__: null, enumerable: true, get });
constant('version', () => '0.1.0');
constant('workerSecret', workerSecret);
defineTag(Wapo, 'Wapo');

setExit(exit);

/** The global print: console.log, and never the buffered one. */
function printDirectly() {
  const { log: print } = globalThis.console;
  return (...values) => {
    print(...values);
    return null;
  };
}

/** What the original has on the global object beside the web's. */
export function defineWapoGlobals() {
  if (globalThis.WebSocket !== undefined) assign(Wapo, webSocketCalls(globalThis.WebSocket));
  defineScriptLogs();
  exposeGlobal('Sidevm', makeSidevm(Wapo));
  exposeGlobal('localStorage', localStorage);
  exposeGlobal('print', printDirectly(), true);
}

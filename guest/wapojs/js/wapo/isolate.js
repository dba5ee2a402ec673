// Wapo.isolateEval and Wapo.run: wapojs-api.md 3.14 and 3.15, for who starts isolates.
//
// An isolate is a machine of its own, which the host starts from the same image (docs/abi.md, 1200). It runs while its
// parent does something else, and is over when the parent is.

import { close as closeNumber, hash, ocall, ocallWait, utf8Decode, utf8Encode } from 'wapo:native';
import { uncurryThis } from '../primordials.js';
import { newDeferred } from '../promises.js';
import { concatBytes } from '../streams/internal.js';
import { Reader, Writer } from './messages.js';
import { endResource, openResource } from './resources.js';
import { callBack } from './streams.js';
import {
  checkCall, field, HostError, optional, toList, toObject, toStringMap, toText, toU32, toU64,
} from './values.js';

const { Array, BigInt, Error, Float64Array, JSON, Number, parseInt, TypeError, Uint8Array } = globalThis;
const { parse, stringify } = JSON;
const toHex = uncurryThis(Uint8Array.prototype.toHex);

const POLL = 102, ISOLATE_OPEN = 1200;
const BLAKE2B_256 = 7, BLAKE2B_512 = 8;
const POLYFILLS = ['wapo', 'browser', 'nodejs'];
const LEAST_MEMORY = 131072;
const FROM_ISOLATE = 0;

const readPolyfills = (value) =>
  toList(value, (name) => {
    if (!POLYFILLS.includes(name)) throw new Error(`unknown polyfill: ${toText(name)}`);
    return name;
  });

export function isolateEval(args, callback) {
  const given = toObject(args, 'isolate args');
  const scripts = field(given, 'scripts', (value) => toList(value, toText));
  const words = field(given, 'args', (value) => toList(value, toText));
  const env = field(given, 'env', toStringMap);
  const polyfills = field(given, 'polyfills', readPolyfills);
  const gasLimit = field(given, 'gasLimit', (value) => optional(value, toU32, -1));
  const memoryLimit = field(given, 'memoryLimit', (value) => optional(value, toU32, -1));
  const timeLimit = field(given, 'timeLimit', (value) => optional(value, toU64, -1));
  if (memoryLimit >= 0 && memoryLimit < LEAST_MEMORY) {
    throw new Error('memory limit is too low, at least 128KB is required');
  }
  const code = utf8Encode(scripts.join(''));
  const codeHash = toHex(hash(BLAKE2B_512, code));
  const text = stringify({ scripts, args: words, env, polyfills, gasLimit, timeLimit, codeHash });
  const limits = new Uint8Array(new Float64Array([memoryLimit, timeLimit]).buffer);
  const message = [limits, hash(BLAKE2B_256, code), utf8Encode(text)];
  const length = message.reduce((sum, part) => sum + part.length, 0);
  const isolate = checkCall(ocall(ISOLATE_OPEN, concatBytes(message, length)), 'failed to start an isolate');

  let open = true;
  const id = openResource(() => {
    open = false;
    closeNumber(isolate);
  });
  ocallWait(POLL, true, isolate, (error, answer) => {
    if (!open) return;
    open = false;
    endResource(id);
    closeNumber(isolate);
    callBack(callback, error === 0 ? resultOf(answer) : failed(new HostError('the result was lost', error).message));
  });
  return id;
}

const failed = (text) => [text, undefined, undefined, undefined];

/** [error, output, serialized output, logs] of what the host hands over; an isolate is not to be trusted. */
function resultOf(answer) {
  const message = new Reader(answer).bytes();
  if (message[0] !== FROM_ISOLATE) return failed(utf8Decode(message.subarray(1), false, true));
  try {
    const reader = new Reader(message.subarray(1));
    const { error, kind, value, serialized, logs } = parse(reader.text());
    const text = (member) => (typeof member === 'string' ? member : undefined);
    return [text(error) ?? null, readValue(kind, value, reader), text(serialized), text(logs)];
  } catch {
    return failed('the isolate answered with what makes no sense');
  }
}

function readValue(kind, value, reader) {
  switch (kind) {
    case 'null':
      return null;
    case 'string':
      return toText(value);
    case 'boolean':
      return value === true;
    case 'number':
      return Number(value);
    case 'bigint': {
      const number = BigInt(value);
      return number >= -0x80000000n && number <= 0x7fffffffn ? Number(number) : number; // as it always was
    }
    case 'bytes':
      return reader.bytes().slice();
    case 'buffer':
      return reader.bytes().slice().buffer;
    default:
      return undefined;
  }
}

// Wapo.run

const DEFAULTS = {
  args: [], env: {}, timeLimit: 120000, gasLimit: 100000, memoryLimit: 134217728, polyfills: ['nodejs'],
};
const HEX = /^0x(?:[0-9a-f]{2})*$/i;

/** Bytes came as hexadecimal text from old engines, and programs return them so to this day. */
function readBack(value) {
  if (typeof value !== 'string' || !HEX.test(value)) return value;
  return new Uint8Array((value.slice(2).match(/../g) ?? []).map((pair) => parseInt(pair, 16)));
}

function runResult(error, value, logs) {
  return { error, value, logs, isError: !!error, isOk: !error };
}

function fromTuple([error, output, serialized, logText]) {
  let value = output;
  if (typeof serialized === 'string' && serialized !== '') {
    try {
      value = parse(serialized).output;
    } catch {
      // the output as it is
    }
  }
  let logs;
  try {
    logs = parse(logText);
  } catch {
    // not a list of records
  }
  return runResult(error, readBack(value), Array.isArray(logs) ? logs : []);
}

/**
 * @param {function(): function} starter the isolateEval of this moment: a program may have replaced it, or have none
 * @param {function(): boolean} buffered whether the isolate's logs are kept
 */
export const runner = (starter, buffered) => (code, options = undefined) => {
  const { promise, resolve } = newDeferred();
  try {
    const scripts = [buffered() ? 'Wapo.useBufferedLogs(true)' : '', toText(code)];
    const isolateEvalNow = starter();
    if (typeof isolateEvalNow !== 'function') throw new TypeError('an isolate cannot start another');
    isolateEvalNow({ ...DEFAULTS, ...options, scripts }, (result) => resolve(fromTuple(result)));
  } catch (error) {
    resolve(runResult(error instanceof Error ? error.message : `${error}`, undefined, []));
  }
  return promise;
};

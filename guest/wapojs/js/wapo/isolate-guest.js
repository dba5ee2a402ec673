// An isolate from within: wapojs-api.md 3.14. The host gives a machine, fresh from the image, what its parent wants
// run.

import { attempt, interrupted, limitRun, output, unrefTimer, setTimer } from 'wapo:native';
import { reportRejections, unhandledRejection } from '../errors.js';
import { startClock } from '../clock.js';
import { call } from '../primordials.js';
import { setArgumentSource, setEnvironment } from '../process.js';
import { promiseThen } from '../promises.js';
import { exposeGlobal } from '../interfaces.js';
import { isArrayBuffer } from '../webidl.js';
import { scriptLogs } from './logs.js';
import { Writer } from './messages.js';
import { exit, hasResources } from './resources.js';
import { adoptModule, onEntryFailure, rejectionText, runScripts } from './scripts.js';

const { JSON, String, Uint8Array } = globalThis;
const { parse, stringify } = JSON;

const OUTPUT_ISOLATE = 4; // a kind of ocall 1004

/** @type {?{error: ?string, result: *, polyfilled: boolean, timeLimit: number, timedOut: boolean}} */
let state = null;

/** The text that stands for the code of this isolate, in `Wapo.workerSecret`; empty elsewhere. */
export let isolateCode = '';

/**
 * @param {string} text JSON of scripts, args, env, polyfills, limits: what ./isolate.js has made
 * @param {object} Wapo loses what an isolate does not have
 */
export function startIsolate(text, epoch, monotonic, Wapo) {
  startClock(epoch, monotonic);
  const { scripts, args, env, polyfills, gasLimit, timeLimit, codeHash } = parse(text);
  isolateCode = codeHash;
  delete Wapo.isolateEval;
  exposeGlobal('scriptArgs', args, true);
  setArgumentSource(() => args);
  setEnvironment(env);
  state = { error: null, result: undefined, polyfilled: polyfills.length > 0, timeLimit, timedOut: false };
  onEntryFailure((error) => (state.error ??= rejectionText(error)));
  if (timeLimit >= 0) unrefTimer(setTimer(timeIsUp, timeLimit, false));
  limitRun(gasLimit, timeLimit);
  const { error, result, module } = runScripts(scripts);
  state.result = result;
  if (error !== null) {
    state.error = error;
    state.result = undefined;
    exit();
  } else if (module !== null) {
    const entered = () => {
      adoptModule(module);
      enter(Wapo);
    };
    promiseThen(module.done, entered, (reason) => (state.error ??= rejectionText(reason)));
  } else {
    enter(Wapo);
  }
}

function enter(Wapo) {
  if (state.polyfilled && typeof Wapo.callModuleEntry === 'function') {
    const [fine, thrown] = attempt(() => call(Wapo.callModuleEntry, Wapo));
    if (!fine) state.error = rejectionText(thrown);
  }
}

/** It only waits, so it can be left waiting. */
function timeIsUp() {
  state.timedOut = true;
  exit();
}

/** Nothing is left to wait for: tells the result. True when the isolate is over. */
export function isolateIdle() {
  if (state === null) return true;
  if (hasResources() && !state.timedOut && !interrupted()) return false;
  const { error, result, polyfilled } = state;
  const value = globalThis.scriptOutput !== undefined ? globalThis.scriptOutput : result;
  const serialized = globalThis.serializedScriptOutput;
  const message = {
    error: error ?? failure(), serialized: typeof serialized === 'string' ? serialized : undefined,
    logs: polyfilled ? scriptLogs() : undefined,
  };
  state = null;
  try {
    output(OUTPUT_ISOLATE, encode(message, value));
  } catch (failure) {
    output(OUTPUT_ISOLATE, encode({ error: `the result cannot be handed over: ${failure.message}` }, undefined));
  }
  return true;
}

/**
 * Why it failed, beside what its scripts threw; null if it did not. A time that ran out is no failure where there is an
 * output.
 */
function failure() {
  if (interrupted()) return 'InternalError: interrupted';
  reportRejections();
  const unhandled = unhandledRejection();
  if (unhandled !== null) return rejectionText(unhandled.reason);
  if (state.timedOut && globalThis.scriptOutput === undefined) {
    return `the time limit of ${state.timeLimit} ms was reached`;
  }
  return null;
}

function encode(message, value) {
  let bytes = null;
  if (value === null) message.kind = 'null';
  else if (value instanceof Uint8Array || isArrayBuffer(value)) {
    message.kind = value instanceof Uint8Array ? 'bytes' : 'buffer';
    bytes = new Uint8Array(value);
  } else if (typeof value === 'number' || typeof value === 'bigint') {
    message.kind = typeof value;
    message.value = String(value);
  } else if (typeof value === 'string' || typeof value === 'boolean') {
    message.kind = typeof value;
    message.value = value;
  }
  const writer = new Writer().text(stringify(message));
  return (bytes === null ? writer : writer.bytes(bytes)).done();
}

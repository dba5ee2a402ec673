// How scripts are evaluated, and the default entry: wapojs-api.md 1.4, 1.6 and 1.9. For programs and for isolates; an
// agent's one script is ../agent.js's.

import { attempt, compile, evaluate, runJobs } from 'wapo:native';
import { describe } from '../errors.js';
import { exposeGlobal } from '../interfaces.js';
import { call } from '../primordials.js';
import { markPromiseHandled } from '../promises.js';
import { isObject } from '../webidl.js';
import { keepError } from './logs.js';

const { Error, JSON, String, Uint8Array } = globalThis;
const stringify = JSON.stringify;

const FILE_NAME = '<eval>';
/** Lines of a stack that are the platform's or the engine's. */
const PLATFORM_FRAMES = /^ *at [^\n]*\((?:wapo:[^\n]*|native)\)\n?/gm;

const stackText = (stack) => String(stack).replace(PLATFORM_FRAMES, '');

/** What a script threw, as a text: its own words, and its stack. */
function thrownText(error) {
  try {
    return error instanceof Error ? `${String(error)}\n${stackText(error.stack)}` : String(error);
  } catch {
    return describe(error);
  }
}

/** The reason of a rejection, likewise (1.8). */
export function rejectionText(reason) {
  try {
    const stack = isObject(reason) ? reason.stack : undefined;
    return stack === undefined ? String(reason) : `${String(reason)}\n[stack]\n${stackText(stack)}`;
  } catch {
    return describe(reason);
  }
}

/** A script in sloppy mode, in the one global scope; or, beyond the original, a module. */
function evaluateOne(source, name) {
  try {
    compile(source, name, false);
  } catch (error) {
    try {
      compile(source, name, true);
    } catch {
      throw error;
    }
    const [done, namespace] = evaluate();
    return { done, namespace };
  }
  return { value: evaluate() };
}

/**
 * Evaluates scripts in order, each followed by its promise jobs, up to the first that throws.
 * @returns {{error: ?string, result: *, module: ?{done: Promise, namespace: object}}} `result` is what the last one
 *   came to; `module` is the last that was one, whose top level may still wait for something
 */
export function runScripts(sources, name = FILE_NAME) {
  const outcome = { error: null, result: undefined, module: null };
  for (let i = 0; i < sources.length; i++) {
    outcome.result = undefined;
    if (sources[i] === '') continue;
    const [fine, value] = attempt(() => evaluateOne(sources[i], name));
    if (!fine) {
      outcome.error = thrownText(value);
      break;
    }
    if (value.namespace !== undefined) {
      markPromiseHandled(value.done); // by whoever asked for this
      outcome.module = value;
    }
    outcome.result = globalThis.scriptOutput !== undefined ? globalThis.scriptOutput : value.value;
    runJobs();
  }
  return outcome;
}

/** Whoever runs the program hears of an entry that failed. */
let onFailure = () => undefined;
export function onEntryFailure(hear) {
  onFailure = hear;
}

/** A module's default function is the entry, as `module.exports` is that of a script. */
export function adoptModule({ namespace }) {
  const entry = namespace.default;
  if (typeof entry === 'function' && globalThis.module === undefined) {
    exposeGlobal('module', { exports: () => call(entry, undefined, ...globalThis.scriptArgs) });
  }
}

/** Wapo.callModuleEntry: what `module.exports` returns is the output. */
export async function callModuleEntry() {
  const entry = globalThis.module?.exports;
  if (typeof entry !== 'function') return;
  try {
    const value = await call(entry, undefined);
    if (value !== undefined) globalThis.scriptOutput = value;
  } catch (error) {
    keepError(error);
    onFailure(error);
  }
  const output = globalThis.scriptOutput;
  const crosses = typeof output === 'string' || typeof output === 'number' || output instanceof Uint8Array;
  if (output === undefined || crosses) return;
  try {
    exposeGlobal('serializedScriptOutput', stringify({ output }));
  } catch {
    // a BigInt or a cycle: it stays unset
  }
}

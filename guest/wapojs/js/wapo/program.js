// A program of its own: wapojs-api.md section 1. The engine was started as any Wapo program is, by a worker that an app
// was deployed to or in the foreground, and its arguments say which scripts it is to run.

import {
  exitProgram, log, ocall, ocallBytes, programArguments, programEnvironment, utf8Decode, utf8Encode,
} from 'wapo:native';
import { startClock } from '../clock.js';
import { describe } from '../errors.js';
import { exposeGlobal } from '../interfaces.js';
import { call } from '../primordials.js';
import { setArgumentSource, setEnvironment } from '../process.js';
import { promiseThen } from '../promises.js';
import { Reader, Writer } from './messages.js';
import { hasResources } from './resources.js';
import { adoptModule, onEntryFailure, rejectionText, runScripts } from './scripts.js';
import { serveProgram } from './serve.js';
import { checkCall } from './values.js';

const { Error, String, Uint8Array } = globalThis;

const BLOB_GET = 244, EMIT_PROGRAM_OUTPUT = 243;
const LOG_ERROR = 1;
const USAGE = 'usage: wapojs [-c CODE | --code-hash sha256:HEX]... [-- ARGUMENT...]';

/** What the scripts came to. */
let result;

function fatal(text) {
  log(LOG_ERROR, text);
  exitProgram(1);
}

/** The scripts that the arguments name, and the words that are for them. */
function readCommandLine(words) {
  const sources = [];
  let at = 0;
  const valueOf = (option) => {
    if (at === words.length) throw new Error(`${option} needs a value; ${USAGE}`);
    return words[at++];
  };
  while (at < words.length) {
    const word = words[at++];
    if (word === '--') return { sources, rest: words.slice(at) };
    if (word === '-c') sources.push(valueOf(word));
    else if (word === '--code-hash') sources.push(blobText(valueOf(word)));
    else if (word.startsWith('-')) throw new Error(`unknown option ${word}; ${USAGE}`);
    else throw new Error(`cannot read ${word}: there are no files here, upload it and give its --code-hash`);
  }
  return { sources, rest: [] };
}

function blobText(name) {
  const blob = checkCall(ocallBytes(BLOB_GET, name), `failed to get the script ${name}`);
  try {
    return utf8Decode(new Reader(blob).bytes(), true, false);
  } catch {
    throw new Error(`the script ${name} is not UTF-8`);
  }
}

function environment(pairs) {
  const values = { __proto__: null };
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals > 0) values[pair.slice(0, equals)] = pair.slice(equals + 1);
  }
  return values;
}

/** Runs the scripts and the entry; what they leave behind keeps the program alive. */
export function startProgram(Wapo) {
  startClock();
  setEnvironment(environment(programEnvironment()));
  let commands;
  try {
    commands = readCommandLine(programArguments().slice(1));
    if (commands.sources.length === 0) throw new Error(`no script; ${USAGE}`);
  } catch (error) {
    fatal(`failed to run js code: ${error.message}`);
  }
  exposeGlobal('scriptArgs', commands.rest, true);
  setArgumentSource(() => commands.rest);
  onEntryFailure((error) => log(LOG_ERROR, `Uncaught (in the entry function) ${describe(error)}`));
  const outcome = runScripts(commands.sources);
  if (outcome.error !== null) fatal(`failed to execute script: ${outcome.error}`);
  result = outcome.result;
  if (outcome.module === null) {
    enter(Wapo, null);
    return;
  }
  promiseThen(outcome.module.done, () => enter(Wapo, outcome.module), (error) => {
    fatal(`failed to execute script: ${rejectionText(error)}`);
  });
}

/** All scripts have run: the program serves, or its entry is called. */
function enter(Wapo, module) {
  if (serveProgram(module === null ? null : module.namespace)) return;
  if (module !== null) adoptModule(module);
  if (typeof Wapo.callModuleEntry === 'function') call(Wapo.callModuleEntry, Wapo);
}

/** Nothing is left to wait for: true if the program is over. */
export function programIdle() {
  if (hasResources()) return false;
  ocall(EMIT_PROGRAM_OUTPUT, encodeOutput(globalThis.scriptOutput !== undefined ? globalThis.scriptOutput : result));
  return true;
}

// Undefined, Null, String, Bytes, Other: section 1.9.
function encodeOutput(value) {
  if (value === undefined) return new Uint8Array([0]);
  if (value === null) return new Uint8Array([1]);
  if (value instanceof Uint8Array) return new Writer().u8(3).bytes(value).done();
  let text;
  try {
    text = String(value);
  } catch {
    text = describe(value);
  }
  return new Writer().u8(typeof value === 'string' ? 2 : 4).bytes(utf8Encode(text)).done();
}

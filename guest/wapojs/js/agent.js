// Agents: which convention a program follows, a request in, an answer out (node-and-gateway.md 1.3.3 to 1.3.7).
//
//   fetch     ES module, `export default { fetch(request, env, ctx) }`
//   main      ES module, `export default function main(request)`: JSON text in, JSON out
//   listener  `addEventListener('fetch', event => event.respondWith(...))`
//   exports   classic script whose `module.exports` is a function; it, or the script, sets `scriptOutput`
//   script    classic script with `scriptArgs` and `scriptOutput`
//
// A program is found out, never declared: it is compiled as a script if it has a script's syntax and as a module
// otherwise, and what it has left behind when its top level has run says the rest.

import * as native from 'wapo:native';
import { startClock } from './clock.js';
import { describe, reportRejections, unhandledRejection } from './errors.js';
import { headerBlock as joinHeaders } from './fetch.js';
import { dispatchFetch, hasFetchListener } from './fetch-event.js';
import { prepareIntl } from './intl-globals.js';
import { defineModule, prepareModules } from './node-require.js';
import { setArgumentSource, setEnvironment, setSecret } from './process.js';
import { parseUrlEncoded } from './urlencoded.js';
import { createRequest, findHeader, SERVED } from './request.js';
import { isOfResource, pumpInto, resourceStream } from './resource-streams.js';
import { isResponse, slotsOfResponse } from './response.js';
import { matchesAt } from './source-text.js';
import { giveToClient } from './web-socket-pair.js';
import { Body } from './body.js';
import { call } from './primordials.js';
import { promiseReact, promiseResolve, promiseThen } from './promises.js';
import { readAllBytes, takeWhole } from './streams/internal.js';

const { ArrayBuffer, JSON, Object, SyntaxError, TypeError, Uint8Array } = globalThis;
const { defineProperty } = Object;
const parseJson = JSON.parse;
const stringify = JSON.stringify;

// Kinds of ocall 1004 (agents/conventions.py), statuses of 1002, what 1006 tells.
const OUTPUT_NOTHING = 0, OUTPUT_JSON = 1, OUTPUT_TEXT = 2, OUTPUT_BYTES = 3;
const LOADED = 0, NOT_LOADED = 1;
const TOUCHED_ARGUMENTS = 1, TOUCHED_REJECTION = 3;
const FAILED = 1;

/** Lines of a stack that are ours, or the engine's: of an error in a program that has not run yet. */
const PLATFORM_FRAMES = /\n *at [^\n]*\((?:wapo:[^\n]*|native)\)/g;
/** What may be a declaration of a module, where one of its words is. */
const DECLARATION = /(?<=^|[\s;}/])(?:import|export)(?=[\s{*"'])/y;
const MODULE_SYNTAX = /^[ \t]*(?:import|export)\b/m;
const LONE_SURROGATE = /\\ud[89a-f]/;
const NO_SECRET = '""'; // programs do JSON.parse(process.env.secret || '')
const GATEWAY_ORIGIN = 'https://wapo-gateway';

/** What the program is: 'script' or 'module'; null before it is loaded. */
let syntax = null;
/** @type {?{convention: string, handler: ?Function, target: *}} once the top level has run */
let entry = null;
/** The completion value of a script, or of its entry function. */
let completion;
/** The request under way: the slots of a Request, with what the host gave of its body, and the secret. */
let current = null;
/** What `current` is for a program without a request. */
const FOREGROUND = {};
let answered = false;
/** Promises given to waitUntil that are still open. */
let pendingWork = 0;
let finished = false;

// The global scriptArgs: the request as JSON, made when it is looked at.

let scriptArguments = null;

function readArguments() {
  if (current === null) {
    native.touched(TOUCHED_ARGUMENTS);
    return [];
  }
  return (scriptArguments ??= [requestJson(current)]);
}

export function defineScriptGlobals() {
  defineProperty(globalThis, 'scriptArgs', {
    __proto__: null, configurable: true, enumerable: true, get: readArguments,
    set(value) {
      defineProperty(globalThis, 'scriptArgs', { __proto__: null, value, writable: true, configurable: true, enumerable: true });
    },
  });
  defineProperty(globalThis, 'scriptOutput', {
    __proto__: null, value: undefined, writable: true, configurable: true, enumerable: true,
  });
  setArgumentSource(readArguments);
}

// Loading

/** The host gives the program. */
export function load(source, name, evaluate) {
  try {
    syntax = compile(source, name);
    prepareModules(source);
    if (syntax === 'script') defineModule(source);
    prepareIntl(source);
  } catch (error) {
    native.loaded(NOT_LOADED, describe(error).replace(PLATFORM_FRAMES, ''));
    return;
  }
  if (!evaluate) {
    native.loaded(LOADED, syntax);
    return;
  }
  promiseThen(
    evaluateProgram(),
    () => native.loaded(LOADED, entry.convention),
    (error) => native.loaded(NOT_LOADED, describe(error)),
  );
}

/** Script or module. The order of trying changes nothing in what a program is found to be, and halves the time. */
function compile(source, name) {
  let moduleError = null, isModule = false, scriptError;
  if (matchesAt(source, ['import', 'export'], DECLARATION).length) {
    try {
      if (native.compile(source, name, true)) return 'module';
      isModule = true; // but only if it is no script: it may just speak of imports
    } catch (error) {
      moduleError = error;
    }
  }
  try {
    native.compile(source, name, false);
    return 'script';
  } catch (error) {
    scriptError = error;
  }
  if (isModule) return 'module';
  try {
    if (moduleError === null) {
      native.compile(source, name, true);
      return 'module';
    }
  } catch (error) {
    moduleError = error;
  }
  // A module that imports what it cannot is told so, not that a script has no imports.
  throw MODULE_SYNTAX.test(source) || !(moduleError instanceof SyntaxError) ? moduleError : scriptError;
}

/** Runs the top level and finds out the convention. */
async function evaluateProgram() {
  if (syntax === 'module') {
    const [done, namespace] = native.evaluate();
    await done;
    entry = entryOfModule(namespace);
  } else {
    completion = native.evaluate();
    entry = entryOfScript();
  }
}

/** An object with a fetch method, or a function. */
function entryOf(value, functionConvention) {
  if (value === null || value === undefined) return null;
  if (typeof value.fetch === 'function') return { convention: 'fetch', handler: value.fetch, target: value };
  if (typeof value === 'function') return { convention: functionConvention, handler: value, target: undefined };
  return null;
}

function entryOfModule(namespace) {
  const found = entryOf(namespace.default, 'main') ?? entryOf(namespace.main, 'main');
  if (found !== null) return found;
  if (typeof namespace.fetch === 'function') return { convention: 'fetch', handler: namespace.fetch, target: namespace };
  if (hasFetchListener()) return { convention: 'listener', handler: null, target: undefined };
  return { convention: 'script', handler: null, target: undefined };
}

function entryOfScript() {
  if (hasFetchListener()) return { convention: 'listener', handler: null, target: undefined };
  const exported = globalThis.module?.exports;
  const found = entryOf(exported, 'exports') ?? entryOf(exported?.default, 'exports');
  return found ?? { convention: 'script', handler: null, target: undefined };
}

// The request

/** The host gives the request; `stream` is the resource with what comes after `body`, or -1. */
export function request(method, url, headerBlock, body, stream, secret, id, epoch, monotonic) {
  startClock(epoch, monotonic);
  current = { __proto__: SERVED, method, url, headerBlock, given: body, stream, secret };
  setSecret(secret ?? NO_SECRET);
  if (entry !== null) serve();
  else promiseReact(evaluateProgram(), serve, fail);
}

/** The host runs a loaded program in the foreground: arguments instead of a request, a result instead of a response. */
export function run(words, count, pairs) {
  startClock();
  current = FOREGROUND;
  scriptArguments = count === 0 ? [] : words.split('\0');
  const environment = { __proto__: null };
  const parts = pairs === '' ? [] : pairs.split('\0');
  for (let i = 0; i + 1 < parts.length; i += 2) environment[parts[i]] = parts[i + 1];
  setEnvironment(environment);
  promiseThen(evaluateProgram(), () => {
    if (entry.convention === 'fetch' || entry.convention === 'listener') {
      refuse('this program answers requests: serve it with `wapo serve --local FILE`');
    } else {
      callEntry();
    }
  }, fail);
}

function serve() {
  try {
    const { convention } = entry;
    if (convention === 'fetch') serveFetch();
    else if (convention === 'listener') serveListener();
    else serveOutput();
  } catch (error) {
    fail(error);
  }
}

function makeRequest() {
  if (current.stream >= 0) current.body = Body.ofStream(bodyStream('the request ended early: '));
  else if (current.given !== null) current.body = Body.ofBytes(current.given);
  return createRequest(current);
}

/** The stream of the request's body; its errors begin with a text. */
const bodyStream = (prefix) => resourceStream(current.stream, current.given, (text) => new TypeError(prefix + text)).stream;

const context = {
  waitUntil(promise) {
    if (pendingWork++ === 0) native.keepAlive(1);
    const done = () => {
      if (--pendingWork === 0) native.keepAlive(0);
    };
    promiseThen(promiseResolve(promise), done, (error) => {
      native.log(1, `Uncaught (in waitUntil) ${describe(error)}`);
      done();
    });
  },
  passThroughOnException() {},
  props: {},
};

function serveFetch() {
  const { handler, target } = entry;
  const result = call(handler, target, makeRequest(), current.secret === null ? {} : parseJson(current.secret), context);
  if (slotsOfResponse(result) !== null) respond(result);
  else promiseReact(promiseResolve(result), respond, fail);
}

function serveListener() {
  const result = dispatchFetch(makeRequest(), context.waitUntil);
  if (result === null) refuse('the fetch listener did not call event.respondWith');
  else promiseReact(result, respond, fail);
}

/** Sends a Response: in one crossing if its body is at hand. */
function respond(response) {
  const slots = slotsOfResponse(response);
  if (slots === null) {
    refuse(`the handler must return a Response, not ${response === null ? 'null' : typeof response}`);
    return;
  }
  try {
    const { body, status } = slots;
    if (status === 0) return void refuse('the handler returned Response.error()');
    if (body !== null && body.unusable) return void refuse('the body of the returned Response has been read already');
    if (status === 101) return void answerWithSocket(slots);
    let whole = null;
    if (body !== null) {
      whole = body.stream === null ? (body.text ?? body.bytes) : takeWhole(body.stream);
      if (whole === null) return void answerWithStream(slots);
      body.consumed = true;
    }
    native.respond(status, slots.headerList, whole, true);
    answered = true;
  } catch (error) {
    fail(error);
  }
}

function answerWithSocket({ headerList, webSocket }) {
  giveToClient(webSocket, joinHeaders(headerList), findHeader(headerList, 'sec-websocket-protocol') ?? '');
  answered = true;
}

function answerWithStream({ body, headerList, status }) {
  const resource = native.respond(status, headerList, null, false);
  answered = true;
  promiseThen(pumpInto(body.stream, resource), () => native.close(resource), (error) => {
    native.close(resource); // without a shutdown: the caller sees that it is not complete
    // If nobody reads it any more, that is no error; if it was too large, the host has told.
    if (!isOfResource(error)) native.log(1, `Uncaught (in the response's body) ${describe(error)}`);
  });
}

// Conventions that answer with an output

function serveOutput() {
  // They get their request as a text, so the whole body must be there first.
  if (current.stream >= 0) {
    const stream = bodyStream('');
    current.stream = -1;
    promiseThen(readAllBytes(stream), (bytes) => {
      current.given = bytes;
      callEntry();
    }, fail);
  } else {
    callEntry();
  }
}

function callEntry() {
  const { convention, handler, target } = entry;
  if (handler === null) return; // a script: its output is there, or will be when it is idle
  let result;
  try {
    if (convention !== 'main') result = call(handler, target);
    else if (current === FOREGROUND) result = call(handler, target, ...scriptArguments);
    else result = call(handler, target, requestJson(current));
  } catch (error) {
    fail(error);
    return;
  }
  promiseReact(promiseResolve(result), finishEntry, fail);
}

/** An entry function may give its output, or set it. */
function finishEntry(value) {
  try {
    if (isResponse(value)) respond(value);
    else if (value !== undefined) globalThis.scriptOutput = value;
  } catch (error) {
    fail(error); // somebody has made a setter of it
  }
}

/** The request of the classic templates. */
function requestJson({ method, url, headerBlock, given, secret }) {
  // Clients choose these names: `constructor` and `__proto__` must be names like any other.
  const headers = { __proto__: null };
  const list = native.parseHeaderBlock(headerBlock);
  for (let i = 0; i < list.length; i++) {
    const name = list[i][0];
    headers[name] = name in headers ? `${headers[name]}, ${list[i][1]}` : list[i][1];
  }
  const at = url.indexOf('/', url.indexOf('//') + 2);
  const tail = at < 0 ? '/' : url.slice(at);
  const mark = tail.indexOf('?');
  const queries = { __proto__: null };
  if (mark >= 0) {
    const pairs = parseUrlEncoded(tail.slice(mark + 1));
    for (let i = 0; i < pairs.length; i++) (queries[pairs[i][0]] ??= []).push(pairs[i][1]);
  }
  const path = mark < 0 ? tail : tail.slice(0, mark);
  const json = { method, url: GATEWAY_ORIGIN + tail, path, queries, headers };
  if (given !== null) {
    try {
      json.body = native.utf8Decode(given, true, true);
    } catch {
      json.bodyBase64 = given.toBase64();
    }
  }
  if (secret !== null) json.secret = parseJson(secret);
  return stringify(json);
}

/** Hands the output over: `scriptOutput`, or the value of the script. */
function sendOutput() {
  const output = globalThis.scriptOutput;
  const value = output !== undefined ? output : completion;
  answered = true;
  if (value === undefined) native.output(OUTPUT_NOTHING);
  else if (typeof value === 'string') native.output(OUTPUT_TEXT, value);
  else if (value instanceof Uint8Array || value instanceof ArrayBuffer) native.output(OUTPUT_BYTES, value);
  else {
    let json = stringify(value);
    // Half a surrogate pair, escaped, is JSON that nobody has to accept (RFC 8259 8.2).
    if (json !== undefined && LONE_SURROGATE.test(json)) {
      json = stringify(value, (_, item) => (typeof item === 'string' ? item.toWellFormed() : item));
    }
    if (json === undefined) native.output(OUTPUT_NOTHING);
    else native.output(OUTPUT_JSON, json);
  }
}

// The end

/** The run has failed; what is still going on may go on, but there will be no other answer. */
function fail(error) {
  answered = true;
  native.fail(FAILED, describe(error));
}

/** The program did not do as it must: there is no line of its own to show. */
function refuse(text) {
  answered = true;
  native.fail(FAILED, text);
}

/** The microtask queue has run dry. */
export function settled() {
  // A rejection that is still unhandled when all is done is the failure of a run that answers with its output, so it
  // must be there for each of them: an image has no top level that left one behind.
  if (reportRejections() && current === null) native.touched(TOUCHED_REJECTION);
}

const isOutput = (convention) => convention !== 'fetch' && convention !== 'listener';

/** Nothing is left to wait for: true if the program is over. */
export function idle() {
  if (current === null || finished) return finished;
  if (!answered) {
    if (entry !== null && isOutput(entry.convention)) {
      try {
        const unhandled = unhandledRejection();
        if (unhandled !== null) fail(unhandled.reason);
        else sendOutput();
      } catch (error) {
        fail(error); // an output that cannot be read or written
      }
    } else {
      const unhandled = unhandledRejection();
      const why = unhandled === null ? '' : `, and nobody handled ${describe(unhandled.reason)}`;
      refuse(`the program ended without an answer: its promise can never settle${why}`);
    }
  }
  finished = true;
  return true;
}


// process: the part of Node's that programs for the original rely on (wapojs-api.md 4.3).
//
// The environment differs from one request to the next, so looking into it while an image is made is noted
// (agents/images.py). Only `secret` can ever be in it for an agent; any other name is not there for anybody, so asking
// for NODE_ENV at the top level costs a program nothing.

import { exit as exitProgram, isError, log, memoryStats, scheduleTicks, touched } from 'wapo:native';
import { bindContext } from './async-context.js';
import { clockNow } from './clock.js';
import { call } from './primordials.js';
import { reportException } from './report.js';
import { toCallback } from './webidl.js';

const { BigInt, Math, Object, Proxy, Reflect, String, Symbol, TypeError } = globalThis;
const { floor } = Math;
const { defineProperty } = Object;

const TOUCHED_ENVIRONMENT = 2;
const SECRET = 'secret';

const values = { __proto__: null };
let known = false;

function look() {
  if (!known) touched(TOUCHED_ENVIRONMENT);
}

// What the proxy stands before has nothing in it: console.log and Wapo.inspect look behind proxies, and must not see
// without being seen either.
const nothing = {};
defineProperty(nothing, Symbol.for('nodejs.util.inspect.custom'), {
  __proto__: null,
  configurable: true,
  value() {
    look();
    return { ...values };
  },
});

const env = new Proxy(nothing, {
  get(_, name) {
    if (name === SECRET) look();
    return values[name];
  },
  has(_, name) {
    if (name === SECRET) look();
    return name in values;
  },
  set(_, name, value) {
    values[name] = String(value);
    return true;
  },
  deleteProperty(_, name) {
    return delete values[name];
  },
  defineProperty(_, name, descriptor) {
    if (!('value' in descriptor)) throw new TypeError('process.env has only values');
    values[name] = String(descriptor.value);
    return true;
  },
  ownKeys() {
    look();
    return Reflect.ownKeys(values);
  },
  getOwnPropertyDescriptor(_, name) {
    if (name === SECRET) look();
    return Reflect.getOwnPropertyDescriptor(values, name);
  },
  preventExtensions() {
    return false;
  },
});

/** The environment of this run; from now on looking is no secret. */
export function setEnvironment(entries) {
  known = true;
  for (const name in entries) values[name] ??= entries[name];
}

/** The same for a request, which has nothing but a secret. */
export function setSecret(secret) {
  known = true;
  values[SECRET] ??= secret;
}

let argv = () => [];
/** What `process.argv` has after the first two words. */
export function setArgumentSource(source) {
  argv = source;
}

let exit = () => exitProgram();
/** What process.exit does beside forgetting what is waited for. */
export function setExit(ends) {
  exit = ends;
}

let ticks = [];

/** Runs what nextTick has queued, what it queues meanwhile included: before any promise job. */
export function runTicks() {
  for (let i = 0; i < ticks.length; i++) {
    try {
      call(ticks[i].callback, undefined, ...ticks[i].args);
    } catch (error) {
      reportException(error);
    }
  }
  ticks = [];
}

const writer = (fd, level) => ({
  fd,
  isTTY: false,
  writable: true,
  on() {
    return this;
  },
  once() {
    return this;
  },
  off() {
    return this;
  },
  removeListener() {
    return this;
  },
  emit() {
    return false;
  },
  end() {},
  write(text) {
    log(level, String(text).replace(/\n$/, ''));
    return true;
  },
});

export const process = {
  env,
  version: 'v0.9.0',
  // Packages ask for Node's major version, and take what is older for something else.
  versions: { node: '22.12.0', wapo: '0.1.0' },
  platform: 'wapo',
  arch: 'wasm32',
  title: 'wapojs',
  argv0: 'wapojs',
  execArgv: [],
  execPath: '/wapojs',
  release: { name: 'wapo' },
  features: {},
  pid: 1,
  ppid: 0,
  exitCode: undefined,
  get argv() {
    return ['wapojs', '<eval>', ...argv()];
  },
  exit() {
    exit();
    return null;
  },
  nextTick(callback, ...args) {
    toCallback(callback, 'process.nextTick: the callback');
    if (ticks.length === 0) scheduleTicks();
    ticks.push({ callback: bindContext(callback), args });
  },
  cwd() {
    return '/';
  },
  uptime() {
    return clockNow() / 1000;
  },
  umask() {
    return 0;
  },
  chdir(folder) {
    throw new Error(`there is no folder '${folder}'`);
  },
  memoryUsage() {
    const [used, memory] = memoryStats();
    return { rss: memory, heapTotal: memory, heapUsed: used, external: 0, arrayBuffers: 0 };
  },
  cpuUsage() {
    return { user: floor(clockNow() * 1000), system: 0 };
  },
  emitWarning(warning, type = 'Warning') {
    const name = typeof type === 'string' ? type : (type?.type ?? 'Warning');
    log(2, isError(warning) ? String(warning) : `${name}: ${String(warning)}`);
  },
  // No event of a process happens here.
  emit: () => false,
  listeners: () => [],
  listenerCount: () => 0,
  stdin: { fd: 0, isTTY: false },
  stdout: writer(1, 3),
  stderr: writer(2, 1),
};
for (const name of ['on', 'once', 'off', 'addListener', 'removeListener', 'removeAllListeners', 'prependListener']) {
  process[name] = () => process;
}

function hrtime(previous = undefined) {
  const now = clockNow();
  let seconds = floor(now / 1000);
  let nanoseconds = floor((now % 1000) * 1e6);
  if (previous !== undefined) {
    seconds -= previous[0];
    nanoseconds -= previous[1];
    if (nanoseconds < 0) {
      seconds--;
      nanoseconds += 1e9;
    }
  }
  return [seconds, nanoseconds];
}
hrtime.bigint = () => BigInt(floor(clockNow() * 1e6));
defineProperty(process, 'hrtime', { __proto__: null, value: hrtime, writable: true, configurable: true, enumerable: true });

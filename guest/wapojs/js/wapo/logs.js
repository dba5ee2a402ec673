// Buffered logs: wapojs-api.md 4.2 and 1.5. A program's console lines are kept, for whoever has it run.

import { now } from 'wapo:native';
import { createConsole } from '../console.js';
import { describe } from '../errors.js';
import { exposeGlobal } from '../interfaces.js';

const { JSON, Math } = globalThis;
const { floor } = Math;
const stringify = JSON.stringify;
const { defineProperty } = Object;

const LEVELS = { __proto__: null, debug: 1, info: 2, warn: 3, error: 4 };
const LEVEL_ERROR = 4;
/** Text that is kept; what is beyond is counted. */
const MAX_CHARACTERS = 4 << 20;

let records = [];
let room = MAX_CHARACTERS;
let dropped = 0;

function keep(level, message) {
  room -= message.length + 64;
  if (room < 0) {
    dropped++;
    return;
  }
  records.push({ message, time: floor(now()), level });
}

export const keepError = (error) => keep(LEVEL_ERROR, describe(error));

/** The records as JSON text. */
export function scriptLogs() {
  if (dropped === 0) return stringify(records);
  const last = { message: `${dropped} more lines were dropped`, time: floor(now()), level: LEVEL_ERROR };
  return stringify([...records, last]);
}

let direct;
let buffered;

/** Wapo.useBufferedLogs: which console the global one is. */
export function useBufferedLogs(flag) {
  direct ??= globalThis.console;
  buffered ??= createConsole((level, text) => keep(LEVELS[level], text));
  exposeGlobal('console', flag ? buffered : direct);
  return null;
}

export function defineScriptLogs() {
  defineProperty(globalThis, 'scriptLogs', { __proto__: null, get: scriptLogs, set: undefined, configurable: true });
}

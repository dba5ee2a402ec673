// Wapo.repr and Wapo.print: wapojs-api.md 3.5, 3.6 and 1.11.

import { log, utf8Decode, utf8Encode } from 'wapo:native';
import { uncurryThis } from '../primordials.js';
import { field, optional, toList, toText, toU8, toU32 } from './values.js';

const { Array, String, Uint8Array } = globalThis;
const { getPrototypeOf, keys } = Object;
const toHex = uncurryThis(Uint8Array.prototype.toHex);

const REPR_DEPTH = 5;
const MAX_LOG_BYTES = 20480;
/** Levels of the ABI, by those of Wapo.print: 1 debug, 2 info, 3 warn, anything else error. */
const LEVELS = { __proto__: null, 1: 4, 2: 3, 3: 2 };
const LEVEL_ERROR = 1;

const ESCAPES = {
  __proto__: null, '"': '\\"', '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\b': '\\b', '\f': '\\f',
  '\v': '\\v', '\x07': '\\a', '\0': '\\0',
};
const quote = (text) => `"${text.replace(/["\\\n\r\t\b\f\v\x07\0]/g, (character) => ESCAPES[character])}"`;

function plainText(value) {
  if (typeof value === 'symbol') return '<value>';
  try {
    return String(value);
  } catch {
    return '<value>';
  }
}

/** Objects of classes that only have properties; Maps, Dates and their like are not. */
function isRecord(value) {
  if (typeof value !== 'object' || value === null) return false;
  const text = plainText(value);
  return getPrototypeOf(value) === null || text === '[object Object]' || text === '<value>';
}

function show(value, depth, indent, level) {
  if (typeof value === 'string') return quote(value);
  if (value instanceof Uint8Array) return `0x${toHex(value)}`;
  const isArray = Array.isArray(value);
  if (!isArray && !isRecord(value)) return plainText(value);
  const [open, shut] = isArray ? '[]' : '{}';
  if (depth === 0) return `${open}...${shut}`;
  const separator = indent === '' ? ':' : ': ';
  const items = isArray
    ? value.map((item) => show(item, depth - 1, indent, level + 1))
    : keys(value).map((key) => `${key}${separator}${show(value[key], depth - 1, indent, level + 1)}`);
  if (items.length === 0) return open + shut;
  if (indent === '') return open + items.join(',') + shut;
  const inner = `\n${indent.repeat(level + 1)}`;
  return `${open}${inner}${items.join(`,${inner}`)}\n${indent.repeat(level)}${shut}`;
}

function settings(config, depth) {
  const fields = config ?? {};
  return {
    depth: field(fields, 'depth', (value) => optional(value, toU8, depth)),
    indent: field(fields, 'indent', (value) => optional(value, toText, '')),
  };
}

export function repr(value, config = undefined) {
  const { depth, indent } = settings(config, REPR_DEPTH);
  return show(value, depth, indent, 0);
}

/** Writes a text to the log: each line is a record, what is beyond 20 KiB is cut. */
export function writeLog(level, text) {
  let shown = text.trimEnd();
  const bytes = shown.length * 3 > MAX_LOG_BYTES ? utf8Encode(shown) : null;
  if (bytes !== null && bytes.length > MAX_LOG_BYTES) {
    let end = MAX_LOG_BYTES;
    while ((bytes[end] & 0xc0) === 0x80) end--;
    shown = `${utf8Decode(bytes.subarray(0, end), false, true)}\n<...>`;
  }
  for (const line of shown.split(/\r?\n/)) log(LEVELS[level] ?? LEVEL_ERROR, line);
}

export function print(level, args, config = undefined) {
  const number = toU32(level);
  const { depth, indent } = settings(config, 0);
  const texts = toList(args, (item) => {
    if (depth === 0 || typeof item === 'string') return plainText(item);
    return show(item, depth, indent, 0);
  });
  writeLog(number, texts.join(' '));
  return null;
}

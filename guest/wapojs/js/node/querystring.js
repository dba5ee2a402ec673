// node:querystring: https://nodejs.org/api/querystring.html

import { encodingOf } from '../node-internal/encodings.js';
import { Buffer } from './buffer.js';

const DEFAULT_MAX_KEYS = 1000;

/** Percent-decodes bytes; what is no escape stays as it is. */
export function unescapeBuffer(text) {
  const source = encodingOf('utf8').encode(String(text));
  const bytes = Buffer.alloc(source.length);
  let length = 0;
  for (let i = 0; i < source.length; i++) {
    if (source[i] === 0x25 && i + 2 < source.length) {
      const pair = String.fromCharCode(source[i + 1], source[i + 2]);
      if (/^[0-9a-fA-F]{2}$/.test(pair)) {
        bytes[length++] = parseInt(pair, 16);
        i += 2;
        continue;
      }
    }
    bytes[length++] = source[i];
  }
  return bytes.subarray(0, length);
}

export function unescape(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return unescapeBuffer(text).toString();
  }
}

export function escape(text) {
  if (typeof text !== 'string') text = typeof text === 'object' ? String(text) : `${text}`;
  return encodeURIComponent(text.toWellFormed());
}

function primitive(value) {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return Number.isFinite(value) ? `${value}` : '';
    case 'bigint':
    case 'boolean':
      return `${value}`;
    default:
      return '';
  }
}

export function stringify(object, separator = '&', equals = '=', options = undefined) {
  separator ||= '&';
  equals ||= '=';
  const encode = options?.encodeURIComponent ?? querystring.escape;
  if (object === null || typeof object !== 'object') return '';
  const parts = [];
  for (const key of Object.keys(object)) {
    const value = object[key];
    const start = encode(primitive(key)) + equals;
    if (!Array.isArray(value)) parts.push(start + encode(primitive(value)));
    else for (const item of value) parts.push(start + encode(primitive(item)));
  }
  return parts.join(separator);
}

export function parse(text, separator = '&', equals = '=', options = undefined) {
  const result = { __proto__: null };
  if (typeof text !== 'string' || text === '') return result;
  const decode = options?.decodeURIComponent ?? querystring.unescape;
  const decodeSafely = (part) => {
    const spaced = part.includes('+') ? part.replaceAll('+', ' ') : part;
    if (!spaced.includes('%') && decode === unescape) return spaced;
    try {
      return decode(spaced);
    } catch {
      return unescape(spaced);
    }
  };
  const maxKeys = typeof options?.maxKeys === 'number' ? options.maxKeys : DEFAULT_MAX_KEYS;
  let pairs = text.split(separator || '&');
  if (maxKeys > 0) pairs = pairs.slice(0, maxKeys);
  const mark = equals || '=';
  for (const pair of pairs) {
    if (pair === '') continue;
    const at = pair.indexOf(mark);
    const key = decodeSafely(at < 0 ? pair : pair.slice(0, at));
    const value = at < 0 ? '' : decodeSafely(pair.slice(at + mark.length));
    if (!(key in result)) result[key] = value;
    else if (Array.isArray(result[key])) result[key].push(value);
    else result[key] = [result[key], value];
  }
  return result;
}

export { parse as decode, stringify as encode };

const querystring = { parse, stringify, escape, unescape, unescapeBuffer, decode: parse, encode: stringify };
export default querystring;

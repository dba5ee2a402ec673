// Encoding helpers of the Wapo global: wapojs-api.md 3.5.

import { utf8Decode, utf8Encode } from 'wapo:native';
import { uncurryThis } from '../primordials.js';
import { toBool, toText, toWapoBytes } from './values.js';

const { Error, Uint8Array } = globalThis;
const { fromBase64, fromHex } = Uint8Array;
const toHex = uncurryThis(Uint8Array.prototype.toHex);
const toBase64 = uncurryThis(Uint8Array.prototype.toBase64);

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

export function hexEncode(data, addPrefix = undefined) {
  const prefix = addPrefix === undefined || addPrefix === null ? false : toBool(addPrefix);
  return (prefix ? '0x' : '') + toHex(toWapoBytes(data));
}

export function hexDecode(text) {
  const digits = toText(text).replace(/^(?:0x)+/, '');
  try {
    return fromHex(digits);
  } catch {
    throw new Error('invalid hex string: it has another character, or an odd number of digits');
  }
}

/** `pad` was mandatory; here it may be left out, and is then true. */
export function base64Encode(data, pad = true) {
  return toBase64(toWapoBytes(data), { omitPadding: !toBool(pad) });
}

export function base64Decode(text, pad = true) {
  toText(text);
  const padded = toBool(pad);
  const missing = (4 - (text.length % 4)) % 4;
  if (!BASE64.test(text)) throw new Error('invalid base64 string: a character is not of the alphabet');
  if (padded && missing !== 0) throw new Error('invalid base64 string: the padding is missing');
  if (!padded && text.endsWith('=')) throw new Error('invalid base64 string: padding is not allowed');
  try {
    return fromBase64(text + '='.repeat(missing), { lastChunkHandling: 'strict' });
  } catch {
    throw new Error('invalid base64 string: its end is not as it must be');
  }
}

export function utf8EncodeText(text) {
  return utf8Encode(toText(text));
}

export function utf8DecodeBytes(data) {
  const bytes = toWapoBytes(data);
  try {
    return utf8Decode(bytes, true, true);
  } catch {
    throw new Error('invalid utf-8 data');
  }
}

// application/x-www-form-urlencoded: https://url.spec.whatwg.org/#application/x-www-form-urlencoded

import { latin1Decode, parseQuery, utf8Decode, utf8Encode } from 'wapo:native';

const { encodeURIComponent, parseInt, Uint8Array } = globalThis;

const HEX_DIGIT = /^[0-9A-Fa-f]{2}$/;

/** Percent-decodes a string of which each character is a byte. */
function percentDecode(text) {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let byte = text.charCodeAt(i);
    if (byte === 0x25) {
      const digits = text.slice(i + 1, i + 3);
      if (HEX_DIGIT.test(digits)) {
        byte = parseInt(digits, 16);
        i += 2;
      }
    }
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}

/** One name or value. Each character of the text is a byte. */
function decodeComponent(text) {
  if (text.includes('+')) text = text.replaceAll('+', ' ');
  return utf8Decode(percentDecode(text), false, true);
}

/** The parser proper. Each character of the text is a byte, and what they decode to need not be UTF-8. */
function parse(text) {
  const pairs = [];
  const sequences = text.split('&');
  for (let i = 0; i < sequences.length; i++) {
    const sequence = sequences[i];
    if (sequence === '') continue;
    const at = sequence.indexOf('=');
    const name = at < 0 ? sequence : sequence.slice(0, at);
    const value = at < 0 ? '' : sequence.slice(at + 1);
    pairs[pairs.length] = [decodeComponent(name), decodeComponent(value)];
  }
  return pairs;
}

/** The string parser: a list of [name, value]. */
export const parseUrlEncoded = (text) => (text === '' ? [] : parseQuery(text) ?? parse(latin1Decode(utf8Encode(text))));

/** The parser proper, from bytes. */
export const parseUrlEncodedBytes = (bytes) => parse(latin1Decode(bytes));

const UNCHANGED = /^[\w*\-.]*$/;
const LEFT_BY_ENCODE = /%20|[!'()~]/g;
const REPLACEMENTS = { '%20': '+', '!': '%21', "'": '%27', '(': '%28', ')': '%29', '~': '%7E' };
const replacement = (text) => REPLACEMENTS[text];

/** Percent-encodes a well-formed string with the form-urlencoded set, space as '+'. */
function encodeComponent(text) {
  return UNCHANGED.test(text) ? text : encodeURIComponent(text).replace(LEFT_BY_ENCODE, replacement);
}

/** The serializer, for a list of [name, value] of well-formed strings. */
export function serializeUrlEncoded(pairs) {
  let text = '';
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i];
    text += `${i === 0 ? '' : '&'}${encodeComponent(pair[0])}=${encodeComponent(pair[1])}`;
  }
  return text;
}

// data: URLs: https://fetch.spec.whatwg.org/#data-url-processor

import { latin1Encode } from 'wapo:native';
import { atob } from './base64.js';

const { parseInt, String, Uint8Array } = globalThis;

const BASE64_SUFFIX = /; *base64$/i;
const BLANKS = /[\t\n\f\r ]/g;

/** Percent-decoding of a string of ASCII. */
function percentDecode(text) {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const hex = text[i] === '%' ? text.slice(i + 1, i + 3) : '';
    if (hex.length === 2 && /^[0-9a-f]{2}$/i.test(hex)) {
      bytes[length++] = parseInt(hex, 16);
      i += 2;
    } else {
      bytes[length++] = text.charCodeAt(i);
    }
  }
  return bytes.subarray(0, length);
}

/**
 * @param {string} href a serialized URL with the scheme data
 * @returns {?{type: string, bytes: Uint8Array}} null if it makes no sense
 */
export function readDataUrl(href) {
  const end = href.indexOf('#');
  const text = href.slice('data:'.length, end < 0 ? undefined : end);
  const comma = text.indexOf(',');
  if (comma < 0) return null;
  let type = text.slice(0, comma).trim();
  let bytes = percentDecode(text.slice(comma + 1));
  if (BASE64_SUFFIX.test(type)) {
    type = type.replace(BASE64_SUFFIX, '');
    try {
      let ascii = '';
      for (let i = 0; i < bytes.length; i += 8192) ascii += String.fromCharCode(...bytes.subarray(i, i + 8192));
      bytes = latin1Encode(atob(ascii.replace(BLANKS, '')));
    } catch {
      return null;
    }
  }
  if (type.startsWith(';')) type = `text/plain${type}`;
  if (!/^[^/;]+\/[^/;]+(;|$)/.test(type)) type = 'text/plain;charset=US-ASCII';
  return { type, bytes };
}

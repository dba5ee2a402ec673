// atob and btoa: https://html.spec.whatwg.org/#atob
//
// The engine has functions of these names, whose exceptions are not instances of our DOMException.

import { latin1Decode, latin1Encode } from 'wapo:native';
import { DOMException } from './dom-exception.js';
import { call } from './primordials.js';
import { requireArguments, toDOMString } from './webidl.js';

const { Uint8Array } = globalThis;
const { fromBase64 } = Uint8Array;
const { toBase64 } = Uint8Array.prototype;

const invalid = (text) => new DOMException(text, 'InvalidCharacterError');

export function btoa(data) {
  requireArguments(arguments.length, 1, 'btoa');
  const bytes = latin1Encode(toDOMString(data));
  if (bytes === null) throw invalid('btoa: the string has a character above U+00FF');
  return call(toBase64, bytes);
}

export function atob(data) {
  requireArguments(arguments.length, 1, 'atob');
  const text = toDOMString(data);
  let bytes;
  try {
    bytes = call(fromBase64, Uint8Array, text); // "loose" is the forgiving decoder of the standard
  } catch {
    throw invalid('atob: the string is not base64');
  }
  return latin1Decode(bytes);
}

// JsonWebKey: https://w3c.github.io/webcrypto/#JsonWebKey-dictionary, RFC 7517 and RFC 7518 section 6

import { utf8Decode, utf8Encode } from 'wapo:native';
import { DOMException } from '../dom-exception.js';
import { isObject, toDictionary, toDOMString, toSequence } from '../webidl.js';
import { fromBase64Url } from './bytes.js';

const { JSON } = globalThis;
const { parse, stringify } = JSON;

export const dataError = (text) => new DOMException(text, 'DataError');

const toOtherPrime = (value) => {
  const given = toDictionary(value, 'oth');
  const prime = {};
  for (const name of ['d', 'r', 't']) if (given[name] !== undefined) prime[name] = toDOMString(given[name]);
  return prime;
};

const strings = (what) => (value) => toSequence(value, toDOMString, what);

/** Members in the order of their names, each with its conversion. */
const MEMBERS = [
  ['alg', toDOMString],
  ['crv', toDOMString],
  ['d', toDOMString],
  ['dp', toDOMString],
  ['dq', toDOMString],
  ['e', toDOMString],
  ['ext', Boolean],
  ['k', toDOMString],
  ['key_ops', strings('key_ops')],
  ['kty', toDOMString],
  ['n', toDOMString],
  ['oth', (value) => toSequence(value, toOtherPrime, 'oth')],
  ['p', toDOMString],
  ['q', toDOMString],
  ['qi', toDOMString],
  ['use', toDOMString],
  ['x', toDOMString],
  ['y', toDOMString],
];

/** A JsonWebKey dictionary, of which only members that are there are set. */
export function toJsonWebKey(value) {
  const given = toDictionary(value, 'keyData');
  const jwk = { __proto__: null };
  for (let i = 0; i < MEMBERS.length; i++) {
    const [name, convert] = MEMBERS[i];
    const member = given[name];
    if (member !== undefined) jwk[name] = convert(member);
  }
  return jwk;
}

/**
 * What every import asks of a JWK.
 * @param {string} kty what the type must be
 * @param {string} use what the use must be, if it is there and usages are given
 */
export function checkJwk(jwk, kty, use, extractable, usages) {
  if (jwk.kty !== kty) throw dataError(`the JWK's kty must be '${kty}'`);
  if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use) throw dataError(`the JWK's use must be '${use}'`);
  if (jwk.key_ops !== undefined) {
    const { key_ops } = jwk;
    // RFC 7517 section 4.3: no value twice.
    if (key_ops.some((value, index) => key_ops.indexOf(value) !== index)) throw dataError('key_ops has a value twice');
    if (!usages.every((usage) => key_ops.includes(usage))) throw dataError('key_ops lacks one of the usages');
  }
  if (jwk.ext === false && extractable) throw dataError('the JWK says that it must not be extractable');
}

/** A member that must be base64url. */
export function jwkBytes(jwk, name) {
  const bytes = jwk[name] === undefined ? null : fromBase64Url(jwk[name]);
  if (bytes === null) throw dataError(`the JWK's ${name} must be base64url without padding`);
  return bytes;
}

/** "Parse a JWK": https://w3c.github.io/webcrypto/#concept-parse-a-jwk */
export function parseJwk(bytes) {
  let value;
  try {
    value = parse(utf8Decode(bytes, false, false));
  } catch {
    throw dataError('the bytes are no JSON');
  }
  if (!isObject(value)) throw dataError('the JSON is no object');
  const jwk = toJsonWebKey(value);
  if (jwk.kty === undefined) throw dataError('the JWK has no kty');
  return jwk;
}

/** A JWK as UTF-8, with spaces up to a multiple of 8 bytes: AES-KW takes nothing else, and JSON does not mind. */
export function encodeJwk(jwk) {
  const text = stringify(jwk);
  const { length } = utf8Encode(text);
  return utf8Encode(text + ' '.repeat((8 - (length % 8)) % 8));
}

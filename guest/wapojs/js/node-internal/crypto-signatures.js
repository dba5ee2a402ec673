// Sign and Verify: https://nodejs.org/api/crypto.html#class-sign

import { Buffer } from '../node/buffer.js';
import { Writable } from '../node/stream.js';
import * as host from '../webcrypto/host.js';
import { constants } from './crypto-constants.js';
import { der, INTEGER, integer, Reader, SEQUENCE, unsigned } from './crypto-der.js';
import { output, toBytes } from './crypto-digests.js';
import { compute } from './crypto-host.js';
import { CURVES } from './crypto-key-forms.js';
import { keyArgument } from './crypto-keys.js';
import { answer } from './crypto-random.js';
import { invalidArgument, notAvailable, plainError, requireString, typeError } from './errors.js';

/** By name: the host's number, and the bytes of a digest. */
const HASHES = {
  __proto__: null,
  sha1: { number: 1, bytes: 20 },
  sha256: { number: 2, bytes: 32 },
  sha384: { number: 3, bytes: 48 },
  sha512: { number: 4, bytes: 64 },
};
const ANY_SALT = 0xffffffff;
const OKP_BYTES = 32;

/** A hash by Node's names, or undefined. */
export const signatureHash = (name) =>
  HASHES[
    String(name)
      .toLowerCase()
      .replace(/^rsa-|withrsaencryption$/g, '')
      .replace(/^sha-(?=\d)/, 'sha')
  ];

function requireHash(name) {
  const found = signatureHash(name);
  if (found === undefined) throw typeError('ERR_CRYPTO_INVALID_DIGEST', `Invalid digest: ${name}`);
  return found;
}

function optionsOf(key) {
  const { padding, saltLength, dsaEncoding = 'der' } = typeof key === 'object' && key !== null ? key : {};
  if (dsaEncoding !== 'der' && dsaEncoding !== 'ieee-p1363') {
    throw typeError(
      'ERR_INVALID_ARG_VALUE',
      `The property 'options.dsaEncoding' is invalid. Received '${dsaEncoding}'`,
    );
  }
  return { padding, saltLength, dsaEncoding };
}

/** What the host is asked for a key and options, with the operation for PKCS #1, PSS and ECDSA. */
function rsaRequest({ padding = constants.RSA_PKCS1_PADDING, saltLength }, hash, pkcs1, pss) {
  if (padding === constants.RSA_PKCS1_PADDING) return { operation: pkcs1, a: hash.number };
  if (padding !== constants.RSA_PKCS1_PSS_PADDING) throw notAvailable(`an RSA signature with padding ${padding}`);
  let b = saltLength ?? constants.RSA_PSS_SALTLEN_AUTO;
  if (b === constants.RSA_PSS_SALTLEN_DIGEST) b = hash.bytes;
  return { operation: pss, a: hash.number, b: b < 0 ? ANY_SALT : b };
}

const hashOf = (algorithm) => requireHash(algorithm ?? 'sha256');

function requireNoHash(algorithm, kind) {
  if (kind === 'x25519') {
    throw plainError(
      'ERR_OSSL_EVP_OPERATION_NOT_SUPPORTED_FOR_THIS_KEYTYPE',
      'error:03000096:digital envelope routines::operation not supported for this keytype',
    );
  }
  if (algorithm !== null && algorithm !== undefined)
    throw plainError('ERR_OSSL_INVALID_DIGEST', 'error:1C80007A:Provider routines::invalid digest');
}

function signWith(algorithm, data, key) {
  const options = optionsOf(key);
  const { kind, curve, handle } = keyArgument(true, key);
  const request = { key: handle, data, what: 'signing' };
  if (kind === 'rsa') {
    return compute({ ...request, ...rsaRequest(options, hashOf(algorithm), host.RSA_PKCS1_SIGN, host.RSA_PSS_SIGN) });
  }
  if (kind !== 'ec') {
    requireNoHash(algorithm, kind);
    return compute({ ...request, operation: host.ED25519_SIGN, key: handle.subarray(0, OKP_BYTES) });
  }
  const { number, bytes } = CURVES[curve];
  const pair = compute({ ...request, operation: host.EC_SIGN, a: number, b: hashOf(algorithm).number });
  if (options.dsaEncoding === 'ieee-p1363') return pair;
  return der(SEQUENCE, integer(pair.subarray(0, bytes)), integer(pair.subarray(bytes)));
}

/** r and s of ECDSA-Sig-Value (RFC 3279 section 2.2.3), or null if it is none. */
function pairOf(signature, size) {
  try {
    const outer = new Reader(signature);
    const reader = outer.enter(SEQUENCE);
    const pair = Buffer.concat([unsigned(reader.read(INTEGER), size), unsigned(reader.read(INTEGER), size)]);
    return reader.done && outer.done ? pair : null;
  } catch {
    return null;
  }
}

function verifyWith(algorithm, data, key, signature) {
  const options = optionsOf(key);
  const { kind, curve, handle } = keyArgument(false, key);
  const request = { key: handle, data, param: signature, what: 'verifying' };
  if (kind === 'rsa') {
    const more = rsaRequest(options, hashOf(algorithm), host.RSA_PKCS1_VERIFY, host.RSA_PSS_VERIFY);
    return compute({ ...request, ...more })[0] === 1;
  }
  if (kind !== 'ec') {
    requireNoHash(algorithm, kind);
    return compute({ ...request, operation: host.ED25519_VERIFY })[0] === 1;
  }
  const { number, bytes } = CURVES[curve];
  const pair = options.dsaEncoding === 'der' ? pairOf(signature, bytes) : signature;
  if (pair === null) return false;
  const b = hashOf(algorithm).number;
  return compute({ ...request, param: pair, operation: host.EC_VERIFY, a: number, b })[0] === 1;
}

class Signer extends Writable {
  #algorithm;
  #chunks = [];
  #done = false;

  constructor(algorithm, options) {
    requireString(algorithm, 'algorithm');
    super(options);
    if (signatureHash(algorithm) === undefined) {
      throw typeError('ERR_CRYPTO_INVALID_DIGEST', 'Invalid digest');
    }
    this.#algorithm = algorithm;
  }

  update(data, encoding) {
    if (this.#done) throw plainError('ERR_CRYPTO_INVALID_STATE', 'Not initialised');
    this.#chunks.push(Buffer.from(toBytes(data, 'data', encoding)));
    return this;
  }

  _write(chunk, encoding, callback) {
    this.update(chunk, encoding);
    callback();
  }

  /** All of the data, once. */
  _finish() {
    if (this.#done) throw plainError('ERR_CRYPTO_INVALID_STATE', 'Not initialised');
    this.#done = true;
    return [this.#algorithm, Buffer.concat(this.#chunks)];
  }
}

export class Sign extends Signer {
  sign(key, encoding) {
    if (!key) throw plainError('ERR_CRYPTO_SIGN_KEY_REQUIRED', 'No key provided to sign');
    const signature = signWith(...this._finish(), key);
    return output(signature, encoding);
  }
}

export class Verify extends Signer {
  verify(key, signature, encoding) {
    const bytes = toBytes(signature, 'signature', encoding);
    return verifyWith(...this._finish(), key, bytes);
  }
}

export const createSign = (algorithm, options) => new Sign(algorithm, options);
export const createVerify = (algorithm, options) => new Verify(algorithm, options);

function requireAlgorithm(algorithm) {
  if (algorithm !== null && algorithm !== undefined && typeof algorithm !== 'string') {
    throw invalidArgument('algorithm', 'of type string', algorithm);
  }
}

export function sign(algorithm, data, key, callback) {
  requireAlgorithm(algorithm);
  const bytes = toBytes(data, 'data');
  if (!key) throw plainError('ERR_CRYPTO_SIGN_KEY_REQUIRED', 'No key provided to sign');
  return answer(callback, () => output(signWith(algorithm, bytes, key)));
}

export function verify(algorithm, data, key, signature, callback) {
  requireAlgorithm(algorithm);
  const bytes = toBytes(data, 'data');
  const given = toBytes(signature, 'signature');
  return answer(callback, () => verifyWith(algorithm, bytes, key, given));
}

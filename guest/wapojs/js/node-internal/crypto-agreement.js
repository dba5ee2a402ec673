// ECDH and diffieHellman: https://nodejs.org/api/crypto.html#class-ecdh

import { Buffer } from '../node/buffer.js';
import { EC_AGREE, EC_GENERATE, EC_POINT, X25519_AGREE } from '../webcrypto/host.js';
import { output, toBytes } from './crypto-digests.js';
import { compute } from './crypto-host.js';
import { CURVES, fromScalar } from './crypto-key-forms.js';
import { KeyObject, materialOf } from './crypto-keys.js';
import { answer } from './crypto-random.js';
import { invalidArgument, invalidValue, plainError, rangeError, requireString, typeError } from './errors.js';

const ALIASES = { __proto__: null, 'P-256': 'prime256v1', 'P-384': 'secp384r1', 'P-521': 'secp521r1' };
const OKP_BYTES = 32;

export const getCurves = () => Object.keys(CURVES).sort();

/** Node's name of a curve. */
export function curveName(given) {
  const name = ALIASES[given] ?? given;
  if (CURVES[name] === undefined) throw typeError('ERR_CRYPTO_INVALID_CURVE', 'Invalid EC curve name');
  return name;
}

export const generatePair = (curve) =>
  Buffer.from(compute({ operation: EC_GENERATE, a: CURVES[curve].number, what: 'making a key' }));

const invalidPublicKey = () =>
  plainError('ERR_CRYPTO_ECDH_INVALID_PUBLIC_KEY', 'Public key is not valid for specified curve');

const checkPoint = (curve, data, failed) =>
  Buffer.from(compute({ operation: EC_POINT, a: CURVES[curve].number, data, what: 'the public key', failed }));

/** A point as one wants it (SEC 1 section 2.3.3). */
function formatPoint(point, format = 'uncompressed') {
  const size = (point.length - 1) / 2;
  const odd = point[point.length - 1] & 1;
  if (format === 'uncompressed') return Buffer.from(point);
  if (format === 'compressed') return Buffer.concat([Buffer.of(2 + odd), point.subarray(1, 1 + size)]);
  if (format === 'hybrid') return Buffer.concat([Buffer.of(6 + odd), point.subarray(1)]);
  throw typeError('ERR_CRYPTO_ECDH_INVALID_FORMAT', `Invalid ECDH format: ${format}`);
}

export class ECDH {
  #curve;
  #pair = null;
  #public = null;

  constructor(curve) {
    requireString(curve, 'curve');
    this.#curve = curveName(curve);
  }

  static convertKey(key, curve, inputEncoding, outputEncoding, format) {
    requireString(curve, 'curve');
    const name = curveName(curve);
    const failed = () => plainError('ERR_CRYPTO_OPERATION_FAILED', 'Failed to convert Buffer to EC_POINT');
    return output(formatPoint(checkPoint(name, toBytes(key, 'key', inputEncoding), failed), format), outputEncoding);
  }

  generateKeys(encoding, format) {
    this.#pair = generatePair(this.#curve);
    this.#public = this.#pair.subarray(CURVES[this.#curve].bytes);
    return this.getPublicKey(encoding, format);
  }

  computeSecret(otherPublicKey, inputEncoding, outputEncoding) {
    if (this.#pair === null) throw rangeError('ERR_CRYPTO_INVALID_KEYPAIR', 'Invalid key pair');
    const other = checkPoint(this.#curve, toBytes(otherPublicKey, 'otherPublicKey', inputEncoding), invalidPublicKey);
    const { number } = CURVES[this.#curve];
    const secret = compute({ operation: EC_AGREE, a: number, key: this.#pair, param: other, what: 'ECDH' });
    return output(secret, outputEncoding);
  }

  getPublicKey(encoding, format) {
    if (this.#public === null) throw plainError('ERR_CRYPTO_OPERATION_FAILED', 'Failed to get ECDH public key');
    return output(formatPoint(this.#public, format), encoding);
  }

  getPrivateKey(encoding) {
    if (this.#pair === null) throw plainError('ERR_CRYPTO_OPERATION_FAILED', 'Failed to get ECDH private key');
    const scalar = this.#pair.subarray(0, CURVES[this.#curve].bytes);
    // As a number, without the zeros that it begins with: so does Node.
    return output(Buffer.from(scalar.subarray(scalar.findIndex((byte) => byte !== 0))), encoding);
  }

  setPrivateKey(privateKey, encoding) {
    const { bytes } = CURVES[this.#curve];
    const given = toBytes(privateKey, 'privateKey', encoding);
    try {
      this.#pair = fromScalar(
        this.#curve,
        Buffer.concat([Buffer.alloc(Math.max(0, bytes - given.length)), given]),
      ).handle;
    } catch {
      throw rangeError('ERR_CRYPTO_INVALID_KEYTYPE', 'Private key is not valid for specified curve.');
    }
    this.#public = this.#pair.subarray(bytes);
  }

  setPublicKey(publicKey, encoding) {
    const failed = () => plainError('ERR_CRYPTO_OPERATION_FAILED', 'Failed to convert Buffer to EC_POINT');
    this.#public = checkPoint(this.#curve, toBytes(publicKey, 'publicKey', encoding), failed);
  }
}

export const createECDH = (curve) => new ECDH(curve);

/** https://nodejs.org/api/crypto.html#cryptodiffiehellmanoptions-callback */
export function diffieHellman(options, callback) {
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'of type object', options);
  const { privateKey, publicKey } = options;
  if (!(privateKey instanceof KeyObject)) throw invalidValue('options.privateKey', privateKey);
  if (!(publicKey instanceof KeyObject)) throw invalidValue('options.publicKey', publicKey);
  const expect = (key, expected, types) => {
    if (!types.includes(key.type)) {
      throw typeError(
        'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE',
        `Invalid key object type ${key.type}, expected ${expected}.`,
      );
    }
  };
  expect(privateKey, 'private', ['private']);
  expect(publicKey, 'private or public', ['private', 'public']);
  const [own, other] = [materialOf(privateKey), materialOf(publicKey)];
  if (own.kind !== other.kind || own.curve !== other.curve) {
    throw plainError(
      'ERR_CRYPTO_INCOMPATIBLE_KEY',
      `Incompatible key types for Diffie-Hellman: ${own.kind} and ${other.kind}`,
    );
  }
  const skip = own.kind === 'ec' ? CURVES[own.curve].bytes : OKP_BYTES;
  const param = publicKey.type === 'private' ? other.handle.subarray(skip) : other.handle;
  return answer(callback, () => {
    const request = { what: 'diffieHellman', param };
    if (own.kind === 'ec') {
      return output(compute({ ...request, operation: EC_AGREE, a: CURVES[own.curve].number, key: own.handle }));
    }
    if (own.kind !== 'x25519') throw plainError('ERR_CRYPTO_OPERATION_FAILED', 'diffieHellman failed');
    return output(compute({ ...request, operation: X25519_AGREE, key: own.handle.subarray(0, OKP_BYTES) }));
  });
}

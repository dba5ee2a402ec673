// Making keys: https://nodejs.org/api/crypto.html#cryptogeneratekeypairtype-options-callback

import { randomBytes } from 'wapo:native';
import { Buffer } from '../node/buffer.js';
import { RSA_GENERATE } from '../webcrypto/host.js';
import { curveName, generatePair } from './crypto-agreement.js';
import { compute, computeLater } from './crypto-host.js';
import { okpHandle, publicOf } from './crypto-key-forms.js';
import { exportKey, PrivateKeyObject, PublicKeyObject, SecretKeyObject, secretLength } from './crypto-keys.js';
import { answer } from './crypto-random.js';
import { invalidArgument, invalidValue, requireFunction, requireString } from './errors.js';

const OKP_BYTES = 32;
const RSA_EXPONENT = 0x10001;

function rsaRequest({ modulusLength, publicExponent = RSA_EXPONENT }) {
  if (!Number.isInteger(modulusLength)) throw invalidArgument('options.modulusLength', 'of type number', modulusLength);
  const param = Buffer.alloc(4);
  param.writeUInt32BE(publicExponent);
  return { operation: RSA_GENERATE, a: modulusLength, param, what: 'making an RSA key' };
}

/** What is made at once: all but RSA. */
function makeShort(type, options) {
  if (type === 'ec') {
    if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'of type object', options);
    requireString(options.namedCurve, 'options.namedCurve');
    const curve = curveName(options.namedCurve);
    return { kind: 'ec', curve, handle: generatePair(curve) };
  }
  if (type !== 'ed25519' && type !== 'x25519') throw invalidValue('type', type, 'must be a supported key type');
  return { kind: type, handle: okpHandle(type, Buffer.from(randomBytes(OKP_BYTES))) };
}

function encodePair(material, { publicKeyEncoding, privateKeyEncoding } = {}) {
  const open = publicOf(material);
  return {
    publicKey: publicKeyEncoding ? exportKey(false, open, publicKeyEncoding) : new PublicKeyObject(open),
    privateKey: privateKeyEncoding ? exportKey(true, material, privateKeyEncoding) : new PrivateKeyObject(material),
  };
}

export function generateKeyPairSync(type, options = undefined) {
  requireString(type, 'type');
  const material =
    type === 'rsa'
      ? { kind: 'rsa', handle: Buffer.from(compute(rsaRequest(options ?? {}))) }
      : makeShort(type, options);
  return encodePair(material, options);
}

export function generateKeyPair(type, options, callback) {
  if (typeof options === 'function') [options, callback] = [undefined, options];
  requireString(type, 'type');
  requireFunction(callback, 'callback');
  const settle = (error, material) => {
    let pair;
    try {
      if (error !== null) throw error;
      pair = encodePair(material(), options);
    } catch (failure) {
      callback(failure);
      return;
    }
    callback(null, pair.publicKey, pair.privateKey);
  };
  if (type === 'rsa') {
    computeLater(rsaRequest(options ?? {}), (error, handle) =>
      settle(error, () => ({ kind: 'rsa', handle: Buffer.from(handle) })),
    );
    return;
  }
  const material = makeShort(type, options);
  process.nextTick(settle, null, () => material);
}

const makeSecret = (length) => new SecretKeyObject({ bytes: Buffer.from(randomBytes(length)) });

export const generateKeySync = (type, options) => makeSecret(secretLength(type, options));

export function generateKey(type, options, callback) {
  requireFunction(callback, 'callback');
  const length = secretLength(type, options);
  answer(callback, () => makeSecret(length));
}

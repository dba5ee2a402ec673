// node:crypto: https://nodejs.org/api/crypto.html
//
// All computing is the host's: digests, randomness, and what `../node-internal/crypto-host.js` asks for.

import '../node-internal/node-version.js';
import { promisify } from './util.js';
import { crypto as webcrypto } from '../crypto.js';
import { createECDH, diffieHellman, ECDH, getCurves } from '../node-internal/crypto-agreement.js';
import {
  Cipheriv,
  createCipheriv,
  createDecipheriv,
  Decipheriv,
  getCipherInfo,
  getCiphers,
} from '../node-internal/crypto-ciphers.js';
import { constants } from '../node-internal/crypto-constants.js';
import { hkdf, hkdfSync, pbkdf2, pbkdf2Sync, scrypt, scryptSync } from '../node-internal/crypto-derivation.js';
import {
  createHash,
  createHmac,
  getFips,
  getHashes,
  Hash,
  hash,
  Hmac,
  timingSafeEqual,
} from '../node-internal/crypto-digests.js';
import {
  generateKey,
  generateKeyPair,
  generateKeyPairSync,
  generateKeySync,
} from '../node-internal/crypto-key-pairs.js';
import { createPrivateKey, createPublicKey, createSecretKey, KeyObject } from '../node-internal/crypto-keys.js';
import { privateDecrypt, publicEncrypt } from '../node-internal/crypto-public-encryption.js';
import {
  getRandomValues,
  randomBytes,
  randomFill,
  randomFillSync,
  randomInt,
  randomUUID,
} from '../node-internal/crypto-random.js';
import { createSign, createVerify, Sign, sign, Verify, verify } from '../node-internal/crypto-signatures.js';
import { missing, missingClass } from '../node-internal/missing.js';

export {
  Cipheriv,
  constants,
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  createSign,
  createVerify,
  Decipheriv,
  diffieHellman,
  ECDH,
  generateKey,
  generateKeyPair,
  generateKeyPairSync,
  generateKeySync,
  getCipherInfo,
  getCiphers,
  getCurves,
  getFips,
  getHashes,
  getRandomValues,
  Hash,
  hash,
  hkdf,
  hkdfSync,
  Hmac,
  KeyObject,
  pbkdf2,
  pbkdf2Sync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  randomFill,
  randomFillSync,
  randomInt,
  randomUUID,
  scrypt,
  scryptSync,
  Sign,
  sign,
  timingSafeEqual,
  Verify,
  verify,
  randomBytes as prng,
  randomBytes as pseudoRandomBytes,
  randomBytes as rng,
  webcrypto,
};
export const { subtle } = webcrypto;

// What the host's libraries have not, or nobody should use.
export const createDiffieHellman = missing('crypto.createDiffieHellman');
export const createDiffieHellmanGroup = missing('crypto.createDiffieHellmanGroup');
export const getDiffieHellman = missing('crypto.getDiffieHellman');
export const privateEncrypt = missing('crypto.privateEncrypt');
export const publicDecrypt = missing('crypto.publicDecrypt');
export const X509Certificate = missingClass('crypto.X509Certificate');

// Promised, it is an object of both: https://nodejs.org/api/crypto.html#cryptogeneratekeypairtype-options-callback
Object.defineProperty(generateKeyPair, promisify.custom, {
  value: (type, options) =>
    new Promise((resolve, reject) => {
      generateKeyPair(type, options, (error, publicKey, privateKey) =>
        error ? reject(error) : resolve({ publicKey, privateKey }),
      );
    }),
});

export default {
  webcrypto,
  subtle,
  Cipheriv,
  constants,
  createCipheriv,
  createDecipheriv,
  createECDH,
  createHash,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  createSign,
  createVerify,
  Decipheriv,
  diffieHellman,
  ECDH,
  generateKey,
  generateKeyPair,
  generateKeyPairSync,
  generateKeySync,
  getCipherInfo,
  getCiphers,
  getCurves,
  getFips,
  getHashes,
  getRandomValues,
  Hash,
  hash,
  hkdf,
  hkdfSync,
  Hmac,
  KeyObject,
  pbkdf2,
  pbkdf2Sync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  randomFill,
  randomFillSync,
  randomInt,
  randomUUID,
  scrypt,
  scryptSync,
  Sign,
  sign,
  timingSafeEqual,
  Verify,
  verify,
  prng: randomBytes,
  pseudoRandomBytes: randomBytes,
  rng: randomBytes,
  createDiffieHellman,
  createDiffieHellmanGroup,
  getDiffieHellman,
  privateEncrypt,
  publicDecrypt,
  X509Certificate,
};

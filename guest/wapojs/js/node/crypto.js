// node:crypto: https://nodejs.org/api/crypto.html
//
// Digests and randomness are the host's. What needs more is in `subtle`.

import { crypto as webcrypto } from '../crypto.js';
import { hkdf, hkdfSync, pbkdf2, pbkdf2Sync } from '../node-internal/crypto-derivation.js';
import {
  createHash,
  createHmac,
  createSecretKey,
  getCiphers,
  getCurves,
  getFips,
  getHashes,
  Hash,
  hash,
  Hmac,
  KeyObject,
  timingSafeEqual,
} from '../node-internal/crypto-digests.js';
import {
  getRandomValues,
  randomBytes,
  randomFill,
  randomFillSync,
  randomInt,
  randomUUID,
} from '../node-internal/crypto-random.js';
import { missing, missingClass } from '../node-internal/missing.js';

export {
  createHash,
  createHmac,
  createSecretKey,
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
  randomBytes,
  randomBytes as prng,
  randomBytes as pseudoRandomBytes,
  randomBytes as rng,
  randomFill,
  randomFillSync,
  randomInt,
  randomUUID,
  timingSafeEqual,
};
export { webcrypto };
export const { subtle } = webcrypto;

export const constants = { __proto__: null };

// What is only in `subtle`.
export const createCipheriv = missing('crypto.createCipheriv');
export const createDecipheriv = missing('crypto.createDecipheriv');
export const createDiffieHellman = missing('crypto.createDiffieHellman');
export const createDiffieHellmanGroup = missing('crypto.createDiffieHellmanGroup');
export const createECDH = missing('crypto.createECDH');
export const createPrivateKey = missing('crypto.createPrivateKey');
export const createPublicKey = missing('crypto.createPublicKey');
export const createSign = missing('crypto.createSign');
export const createVerify = missing('crypto.createVerify');
export const diffieHellman = missing('crypto.diffieHellman');
export const generateKey = missing('crypto.generateKey');
export const generateKeyPair = missing('crypto.generateKeyPair');
export const generateKeyPairSync = missing('crypto.generateKeyPairSync');
export const generateKeySync = missing('crypto.generateKeySync');
export const getCipherInfo = missing('crypto.getCipherInfo');
export const getDiffieHellman = missing('crypto.getDiffieHellman');
export const privateDecrypt = missing('crypto.privateDecrypt');
export const privateEncrypt = missing('crypto.privateEncrypt');
export const publicDecrypt = missing('crypto.publicDecrypt');
export const publicEncrypt = missing('crypto.publicEncrypt');
export const scrypt = missing('crypto.scrypt');
export const scryptSync = missing('crypto.scryptSync');
export const sign = missing('crypto.sign');
export const verify = missing('crypto.verify');
export const X509Certificate = missingClass('crypto.X509Certificate');

export default {
  webcrypto,
  subtle,
  constants,
  Hash,
  Hmac,
  KeyObject,
  createHash,
  createHmac,
  createSecretKey,
  hash,
  getHashes,
  getCiphers,
  getCurves,
  getFips,
  randomBytes,
  prng: randomBytes,
  rng: randomBytes,
  pseudoRandomBytes: randomBytes,
  randomFill,
  randomFillSync,
  randomInt,
  randomUUID,
  getRandomValues,
  timingSafeEqual,
  pbkdf2,
  pbkdf2Sync,
  hkdf,
  hkdfSync,
  createCipheriv,
  createDecipheriv,
  createDiffieHellman,
  createDiffieHellmanGroup,
  createECDH,
  createPrivateKey,
  createPublicKey,
  createSign,
  createVerify,
  diffieHellman,
  generateKey,
  generateKeyPair,
  generateKeyPairSync,
  generateKeySync,
  getCipherInfo,
  getDiffieHellman,
  privateDecrypt,
  privateEncrypt,
  publicDecrypt,
  publicEncrypt,
  scrypt,
  scryptSync,
  sign,
  verify,
  X509Certificate,
};

// Private keys under a passphrase: PBES2 (RFC 8018 section 6.2), and what PEM files had before (RFC 1421, by OpenSSL).

import { randomBytes } from 'wapo:native';
import { Buffer } from '../node/buffer.js';
import { AES_CBC_DECRYPT, AES_CBC_ENCRYPT, PBKDF2 } from '../webcrypto/host.js';
import {
  der,
  INTEGER,
  integer,
  NULL,
  OCTET_STRING,
  oid,
  Reader,
  SEQUENCE,
  undecodable,
  unsigned,
} from './crypto-der.js';
import { hash } from './crypto-digests.js';
import { compute } from './crypto-host.js';
import { plainError } from './errors.js';

const PBES2_OID = '2a864886f70d01050d';
const PBKDF2_OID = '2a864886f70d01050c';
const HMACS = {
  __proto__: null,
  '2a864886f70d0207': 1,
  '2a864886f70d0209': 2,
  '2a864886f70d020a': 3,
  '2a864886f70d020b': 4,
};
const KEY_BYTES = { __proto__: null, 'aes-128-cbc': 16, 'aes-192-cbc': 24, 'aes-256-cbc': 32 };
const CIPHER_OIDS = {
  __proto__: null,
  'aes-128-cbc': '608648016503040102',
  'aes-192-cbc': '608648016503040116',
  'aes-256-cbc': '60864801650304012a',
};
const ITERATIONS = 2048; // OpenSSL's
const HMAC_SHA256 = 2;

const missingPassphrase = () =>
  plainError(
    'ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED',
    'error:07880109:common libcrypto routines::interrupted or cancelled',
  );

const badDecrypt = () => {
  const error = plainError('ERR_OSSL_BAD_DECRYPT', 'error:1C800064:Provider routines::bad decrypt');
  error.library = 'Provider routines';
  error.reason = 'bad decrypt';
  return error;
};

const decrypt = (key, iv, data) =>
  compute({ operation: AES_CBC_DECRYPT, key, param: iv, data, what: 'reading the key', failed: badDecrypt });

const derive = (hmac, passphrase, salt, iterations, size) =>
  compute({
    operation: PBKDF2,
    a: hmac,
    b: size,
    c: iterations,
    key: passphrase,
    param: salt,
    what: 'reading the key',
  });

/** PKCS #8 of an EncryptedPrivateKeyInfo. */
export function decryptPkcs8(bytes, passphrase) {
  const outer = new Reader(bytes).enter(SEQUENCE);
  const scheme = outer.enter(SEQUENCE);
  const data = outer.read(OCTET_STRING);
  if (scheme.oid() !== PBES2_OID) throw undecodable();
  const params = scheme.enter(SEQUENCE);
  const derivation = params.enter(SEQUENCE);
  if (derivation.oid() !== PBKDF2_OID) throw undecodable();
  const pbkdf2 = derivation.enter(SEQUENCE);
  const salt = pbkdf2.read(OCTET_STRING);
  const iterations = unsigned(pbkdf2.read(INTEGER), 4).readUInt32BE();
  if (pbkdf2.tag === INTEGER) pbkdf2.element();
  const hmac = pbkdf2.done ? 1 : HMACS[pbkdf2.enter(SEQUENCE).oid()];
  const encryption = params.enter(SEQUENCE);
  const cipher = encryption.oid();
  const name = Object.keys(CIPHER_OIDS).find((known) => CIPHER_OIDS[known] === cipher);
  if (hmac === undefined || name === undefined) throw undecodable();
  if (passphrase === undefined) throw missingPassphrase();
  return decrypt(derive(hmac, passphrase, salt, iterations, KEY_BYTES[name]), encryption.read(OCTET_STRING), data);
}

/** EncryptedPrivateKeyInfo of PKCS #8. */
export function encryptPkcs8(bytes, cipher, passphrase) {
  const name = String(cipher)
    .toLowerCase()
    .replace(/^aes(\d+)$/, 'aes-$1-cbc');
  const size = KEY_BYTES[name];
  if (size === undefined) throw plainError('ERR_CRYPTO_UNKNOWN_CIPHER', 'Unknown cipher');
  const salt = randomBytes(16);
  const iv = randomBytes(16);
  const key = derive(HMAC_SHA256, passphrase, salt, ITERATIONS, size);
  const data = compute({ operation: AES_CBC_ENCRYPT, key, param: iv, data: bytes, what: 'encrypting the key' });
  const hmac = der(SEQUENCE, oid('2a864886f70d0209'), der(NULL));
  const pbkdf2 = der(SEQUENCE, der(OCTET_STRING, salt), integer(Buffer.of(ITERATIONS >> 8, ITERATIONS & 0xff)), hmac);
  const params = der(
    SEQUENCE,
    der(SEQUENCE, oid(PBKDF2_OID), pbkdf2),
    der(SEQUENCE, oid(CIPHER_OIDS[name]), der(OCTET_STRING, iv)),
  );
  return der(SEQUENCE, der(SEQUENCE, oid(PBES2_OID), params), der(OCTET_STRING, data));
}

const DEK = /^DEK-Info: (AES-(?:128|192|256)-CBC),([0-9A-Fa-f]{32})\s*$/m;

/** What is in a PEM block that has headers. */
export function decryptPem({ headers, bytes }, passphrase) {
  if (!headers.includes('ENCRYPTED')) return bytes;
  const found = DEK.exec(headers);
  if (found === null) throw undecodable();
  if (passphrase === undefined) throw missingPassphrase();
  const iv = Buffer.from(found[2], 'hex');
  const size = KEY_BYTES[found[1].toLowerCase()];
  let key = Buffer.alloc(0);
  // EVP_BytesToKey with MD5, once.
  for (let last = Buffer.alloc(0); key.length < size; key = Buffer.concat([key, last])) {
    last = hash('md5', Buffer.concat([last, passphrase, iv.subarray(0, 8)]), 'buffer');
  }
  return Buffer.from(decrypt(key.subarray(0, size), iv, bytes));
}

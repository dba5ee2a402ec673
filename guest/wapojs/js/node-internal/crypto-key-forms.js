// Asymmetric keys in the forms that files have: SPKI (RFC 5280), PKCS #8 (RFC 5958), PKCS #1 (RFC 8017 appendix A),
// SEC 1 (RFC 5915), certificates (RFC 5280) and JWK (RFC 7517).
//
// A key is { kind, curve, handle } with the handle that WebCrypto's keys have (../webcrypto/rsa.js, elliptic.js, okp.js):
// the host checks what is in the forms, here is which form it is.

import { Buffer } from '../node/buffer.js';
import * as host from '../webcrypto/host.js';
import {
  BIT_STRING,
  bits,
  bitString,
  context,
  der,
  fromPem,
  INTEGER,
  NULL,
  OCTET_STRING,
  oid,
  Reader,
  SEQUENCE,
  toPem,
  undecodable,
} from './crypto-der.js';
import { compute } from './crypto-host.js';
import { decryptPem, decryptPkcs8, encryptPkcs8 } from './crypto-key-encryption.js';
import { plainError, typeError } from './errors.js';

/** By Node's name: the host's number, bytes of a coordinate, the name in JWK and WebCrypto, the OID. */
export const CURVES = {
  __proto__: null,
  prime256v1: { number: 1, bytes: 32, jwk: 'P-256', oid: '2a8648ce3d030107' },
  secp384r1: { number: 2, bytes: 48, jwk: 'P-384', oid: '2b81040022' },
  secp521r1: { number: 3, bytes: 66, jwk: 'P-521', oid: '2b81040023' },
  secp256k1: { number: 4, bytes: 32, jwk: 'secp256k1', oid: '2b8104000a' },
};
export const curveBy = (member, value) => Object.keys(CURVES).find((name) => CURVES[name][member] === value);

const RSA_OID = '2a864886f70d010101';
const EC_OID = '2a8648ce3d0201';
const OKP = {
  __proto__: null,
  ed25519: { number: 1, jwk: 'Ed25519', oid: '2b6570' },
  x25519: { number: 2, jwk: 'X25519', oid: '2b656e' },
};
const OKP_BYTES = 32;
const ZERO = der(INTEGER, Buffer.of(0));

const asked = (request) => Buffer.from(compute({ what: 'reading the key', failed: undecodable, ...request }));

/** An OKP private key's handle: its own bytes and the public ones. */
export const okpHandle = (kind, own) =>
  Buffer.concat([own, asked({ operation: host.OKP_PUBLIC, a: OKP[kind].number, key: own })]);

/** The kind of key, and its curve, of an AlgorithmIdentifier. */
function identify(identifier) {
  const name = identifier.oid();
  if (name === RSA_OID) return { kind: 'rsa' };
  if (name === EC_OID) {
    const curve = curveBy('oid', identifier.oid());
    if (curve !== undefined) return { kind: 'ec', curve };
  }
  for (const kind in OKP) if (OKP[kind].oid === name) return { kind };
  throw undecodable();
}

export function fromSpki(data) {
  const found = identify(new Reader(data).enter(SEQUENCE).enter(SEQUENCE));
  const { kind, curve } = found;
  if (kind === 'rsa') return { ...found, handle: asked({ operation: host.RSA_IMPORT_SPKI, data }) };
  if (kind === 'ec') {
    return { ...found, handle: asked({ operation: host.EC_IMPORT_SPKI, a: CURVES[curve].number, data }) };
  }
  return { ...found, handle: asked({ operation: host.OKP_IMPORT_SPKI, a: OKP[kind].number, data }) };
}

export function fromPkcs8(data) {
  const reader = new Reader(data).enter(SEQUENCE);
  reader.read(INTEGER);
  const found = identify(reader.enter(SEQUENCE));
  const { kind, curve } = found;
  if (kind === 'rsa') return { ...found, handle: asked({ operation: host.RSA_IMPORT_PKCS8, data }) };
  if (kind === 'ec') {
    return { ...found, handle: asked({ operation: host.EC_IMPORT_PKCS8, a: CURVES[curve].number, data }) };
  }
  const own = asked({ operation: host.OKP_IMPORT_PKCS8, a: OKP[kind].number, data });
  return { ...found, handle: okpHandle(kind, own) };
}

const rsaIdentifier = der(SEQUENCE, oid(RSA_OID), der(NULL));
const ecIdentifier = (curve) => der(SEQUENCE, oid(EC_OID), oid(CURVES[curve].oid));
const fromPkcs1Public = (data) => fromSpki(der(SEQUENCE, rsaIdentifier, bitString(data)));
const fromPkcs1Private = (data) => fromPkcs8(der(SEQUENCE, ZERO, rsaIdentifier, der(OCTET_STRING, data)));

function fromSec1(data) {
  const reader = new Reader(data).enter(SEQUENCE);
  reader.read(INTEGER);
  reader.read(OCTET_STRING);
  const curve = curveBy('oid', reader.enter(context(0)).oid());
  if (curve === undefined) throw undecodable();
  return fromPkcs8(der(SEQUENCE, ZERO, ecIdentifier(curve), der(OCTET_STRING, data)));
}

/** A private key of its number alone. Throws `undecodable()` if it is none of the curve. */
export function fromScalar(curve, scalar) {
  const sec1 = der(SEQUENCE, der(INTEGER, Buffer.of(1)), der(OCTET_STRING, scalar));
  return fromPkcs8(der(SEQUENCE, ZERO, ecIdentifier(curve), der(OCTET_STRING, sec1)));
}

/** The key of a certificate: it follows the version, number, algorithm, issuer, validity and subject. */
function fromCertificate(data) {
  const body = new Reader(data).enter(SEQUENCE).enter(SEQUENCE);
  if (body.tag === context(0)) body.element();
  for (let i = 0; i < 5; i++) body.element();
  return fromSpki(body.element());
}

const PUBLIC_LABELS = {
  __proto__: null,
  'PUBLIC KEY': fromSpki,
  'RSA PUBLIC KEY': fromPkcs1Public,
  CERTIFICATE: fromCertificate,
};
const PRIVATE_LABELS = {
  __proto__: null,
  'PRIVATE KEY': fromPkcs8,
  'ENCRYPTED PRIVATE KEY': (data, passphrase) => fromPkcs8(decryptPkcs8(data, passphrase)),
  'RSA PRIVATE KEY': fromPkcs1Private,
  'EC PRIVATE KEY': fromSec1,
};

const firstOf = (text, labels) => fromPem(text).find(({ label }) => labels[label] !== undefined);

function readPem(text, labels, passphrase) {
  const found = firstOf(text, labels);
  return found && labels[found.label](decryptPem(found, passphrase), passphrase);
}

/** A private key of PEM or DER. `type` is for DER: `pkcs1`, `pkcs8` or `sec1`. */
export function readPrivate(bytes, format, type, passphrase) {
  if (format === 'pem') {
    const key = readPem(bytes.toString('latin1'), PRIVATE_LABELS, passphrase);
    if (key === undefined) throw undecodable();
    return key;
  }
  if (type === 'pkcs1') return fromPkcs1Private(bytes);
  if (type === 'sec1') return fromSec1(bytes);
  const isPlain = new Reader(bytes).enter(SEQUENCE).tag === INTEGER;
  return fromPkcs8(isPlain ? bytes : decryptPkcs8(bytes, passphrase));
}

/** A public key of PEM or DER, or that of a private key. `type` is for DER: `pkcs1`, `spki` or those of private keys. */
export function readPublic(bytes, format, type, passphrase) {
  if (format === 'pem') {
    const text = bytes.toString('latin1');
    const key = readPem(text, PUBLIC_LABELS, passphrase);
    return key ?? publicOf(readPrivate(bytes, format, type, passphrase));
  }
  if (type === 'spki') return fromSpki(bytes);
  if (type === 'pkcs8' || type === 'sec1') return publicOf(readPrivate(bytes, format, type, passphrase));
  const reader = new Reader(bytes).enter(SEQUENCE);
  if (reader.read(INTEGER).every((byte) => byte === 0)) {
    return publicOf(fromPkcs1Private(bytes)); // a private key begins with its version, a public one with its modulus
  }
  return fromPkcs1Public(bytes);
}

export function publicOf({ kind, curve, handle }) {
  if (kind === 'rsa') return { kind, handle: asked({ operation: host.RSA_PUBLIC, key: handle }) };
  if (kind === 'ec') return { kind, curve, handle: handle.subarray(CURVES[curve].bytes) };
  return { kind, handle: handle.subarray(OKP_BYTES) };
}

/** The numbers of an RSA key, as RFC 8017 has them in a row. */
export function rsaNumbers(isPrivate, handle) {
  const list = asked({ operation: isPrivate ? host.RSA_PRIVATE_NUMBERS : host.RSA_PUBLIC_NUMBERS, key: handle });
  const numbers = [];
  for (let at = 0; at < list.length; at += 4 + list.readUInt32LE(at)) {
    numbers.push(list.subarray(at + 4, at + 4 + list.readUInt32LE(at)));
  }
  return numbers;
}

const JWK_NUMBERS = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'];
const toText = (bytes) => Buffer.from(bytes).toString('base64url');

export function toJwk(isPrivate, { kind, curve, handle }) {
  if (kind === 'rsa') {
    const jwk = { kty: 'RSA' };
    rsaNumbers(isPrivate, handle).forEach((number, index) => (jwk[JWK_NUMBERS[index]] = toText(number)));
    return jwk;
  }
  if (kind === 'ec') {
    const { bytes, jwk: crv } = CURVES[curve];
    const point = isPrivate ? handle.subarray(bytes) : handle;
    const jwk = { kty: 'EC', x: toText(point.subarray(1, 1 + bytes)), y: toText(point.subarray(1 + bytes)), crv };
    if (isPrivate) jwk.d = toText(handle.subarray(0, bytes));
    return jwk;
  }
  const point = isPrivate ? handle.subarray(OKP_BYTES) : handle;
  const jwk = { crv: OKP[kind].jwk };
  if (isPrivate) jwk.d = toText(handle.subarray(0, OKP_BYTES));
  return { ...jwk, x: toText(point), kty: 'OKP' };
}

/** The key of a JWK: private if it has `d`. */
export function fromJwk(jwk) {
  const number = (name) => {
    if (typeof jwk[name] !== 'string') throw invalidJwk();
    return Buffer.from(jwk[name], 'base64url');
  };
  const isPrivate = jwk.d !== undefined;
  const invalidJwk = () =>
    typeError('ERR_CRYPTO_INVALID_JWK', jwk.kty === 'OKP' ? 'Invalid JWK data' : `Invalid JWK ${jwk.kty} key`);
  const read = (request) => Buffer.from(compute({ what: 'reading the JWK', failed: invalidJwk, ...request }));
  if (jwk.kty === 'RSA') {
    const numbers = JWK_NUMBERS.slice(0, isPrivate ? 8 : 2).map(number);
    const data = Buffer.concat(numbers.flatMap((bytes) => [lengthOf(bytes), bytes]));
    return { isPrivate, kind: 'rsa', handle: read({ operation: host.RSA_FROM_NUMBERS, data }) };
  }
  if (jwk.kty === 'EC') {
    const curve = curveBy('jwk', jwk.crv);
    if (curve === undefined) throw typeError('ERR_CRYPTO_INVALID_CURVE', 'Invalid EC curve name');
    const { bytes, number: a } = CURVES[curve];
    const sized = (name) => {
      const given = number(name);
      if (given.length > bytes) throw invalidJwk();
      return Buffer.concat([Buffer.alloc(bytes - given.length), given]);
    };
    const point = Buffer.concat([Buffer.of(4), sized('x'), sized('y')]);
    const operation = isPrivate ? host.EC_PAIR : host.EC_POINT;
    const data = isPrivate ? Buffer.concat([sized('d'), point]) : point;
    return { isPrivate, kind: 'ec', curve, handle: read({ operation, a, data }) };
  }
  if (jwk.kty === 'OKP') {
    const kind = Object.keys(OKP).find((name) => OKP[name].jwk === jwk.crv);
    if (kind === undefined) throw typeError('ERR_CRYPTO_INVALID_CURVE', 'Invalid EC curve name');
    const own = number(isPrivate ? 'd' : 'x');
    if (own.length !== OKP_BYTES) throw invalidJwk();
    return { isPrivate, kind, handle: isPrivate ? okpHandle(kind, own) : own };
  }
  throw plainError('ERR_CRYPTO_INVALID_JWK', 'Unsupported JWK Key Type.');
}

function lengthOf(bytes) {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return length;
}

const unsuitable = (type) =>
  plainError(
    'ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS',
    `The selected key encoding ${type} ${type === 'sec1' ? 'can only be used for EC keys' : 'can only be used for RSA keys'}.`,
  );

function spkiOf({ kind, curve, handle }) {
  if (kind === 'rsa') return handle;
  const [operation, a] =
    kind === 'ec' ? [host.EC_EXPORT_SPKI, CURVES[curve].number] : [host.OKP_EXPORT_SPKI, OKP[kind].number];
  return asked({ operation, a, key: handle });
}

function pkcs8Of({ kind, curve, handle }) {
  if (kind === 'rsa') return handle;
  if (kind === 'ec') return asked({ operation: host.EC_EXPORT_PKCS8, a: CURVES[curve].number, key: handle });
  return asked({ operation: host.OKP_EXPORT_PKCS8, a: OKP[kind].number, key: handle.subarray(0, OKP_BYTES) });
}

/** A public key as SPKI or PKCS #1, its label and its bytes. */
function publicForm(key, type) {
  const spki = spkiOf(key);
  if (type !== 'pkcs1') return ['PUBLIC KEY', spki];
  if (key.kind !== 'rsa') throw unsuitable(type);
  const reader = new Reader(spki).enter(SEQUENCE);
  reader.element();
  return ['RSA PUBLIC KEY', bits(reader.read(BIT_STRING))];
}

function privateForm(key, type) {
  if (type === 'sec1') {
    if (key.kind !== 'ec') throw unsuitable(type);
    const { bytes, oid: name } = CURVES[key.curve];
    const own = der(OCTET_STRING, key.handle.subarray(0, bytes));
    const point = der(context(1), bitString(key.handle.subarray(bytes)));
    return ['EC PRIVATE KEY', der(SEQUENCE, der(INTEGER, Buffer.of(1)), own, der(context(0), oid(name)), point)];
  }
  const pkcs8 = pkcs8Of(key);
  if (type !== 'pkcs1') return ['PRIVATE KEY', pkcs8];
  if (key.kind !== 'rsa') throw unsuitable(type);
  const reader = new Reader(pkcs8).enter(SEQUENCE);
  reader.read(INTEGER);
  reader.element();
  return ['RSA PRIVATE KEY', reader.read(OCTET_STRING)];
}

/** A key as bytes of DER or as PEM. */
export function write(isPrivate, key, { format, type, cipher, passphrase }) {
  let [label, bytes] = isPrivate ? privateForm(key, type) : publicForm(key, type);
  if (isPrivate && cipher) {
    if (type !== 'pkcs8') {
      throw plainError(
        'ERR_CRYPTO_INCOMPATIBLE_KEY_OPTIONS',
        `The selected key encoding ${type} does not support encryption.`,
      );
    }
    [label, bytes] = ['ENCRYPTED PRIVATE KEY', encryptPkcs8(bytes, cipher, passphrase)];
  }
  return format === 'pem' ? toPem(label, Buffer.from(bytes)) : Buffer.from(bytes);
}

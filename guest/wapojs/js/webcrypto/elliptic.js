// ECDSA: https://w3c.github.io/webcrypto/#ecdsa
// ECDH: https://w3c.github.io/webcrypto/#ecdh
//
// The handle of a public key is its uncompressed point, that of a private key the scalar and the point after it.

import { DOMException } from '../dom-exception.js';
import { toDOMString } from '../webidl.js';
import { concatBytes, copyBytes, firstBits, sliceBytes, toBase64Url } from './bytes.js';
import { algorithmOf, createKey, handleOf, isCryptoKey, typeOf } from './crypto-key.js';
import { required } from './dictionaries.js';
import { DIGESTS, hashIdentifier, normalizeHash } from './digests.js';
import { finishJwk, operationError, requireType } from './formats.js';
import * as host from './host.js';
import { checkJwk, dataError, jwkBytes } from './jwk.js';
import { registerAlgorithm } from './normalize.js';
import { checkUsages, onlyUsages } from './usages.js';

const { TypeError, Uint8Array } = globalThis;

/** By name: the host's number, the bytes of a coordinate, ECDSA's name in JWK. */
const CURVES = {
  __proto__: null,
  'P-256': { number: 1, bytes: 32, jwk: 'ES256' },
  'P-384': { number: 2, bytes: 48, jwk: 'ES384' },
  'P-521': { number: 3, bytes: 66, jwk: 'ES512' },
};

const curveOf = (key) => CURVES[algorithmOf(key).namedCurve];

/** EcKeyGenParams and EcKeyImportParams. */
const curveParams = ({ namedCurve }) => ({
  __proto__: null,
  namedCurve: toDOMString(required(namedCurve, 'namedCurve')),
});

/** The point at the end of a handle. */
const pointOf = (key) => {
  const handle = handleOf(key);
  return typeOf(key) === 'public' ? handle : sliceBytes(handle, curveOf(key).bytes, handle.length);
};

/**
 * What both have.
 * @param {{name: string, publicUsages: string[], privateUsages: string[], use: string}} family
 */
function keyOperations({ name, publicUsages, privateUsages, use }) {
  const makeKey = (type, namedCurve, extractable, usages, handle) =>
    createKey(type, extractable, { __proto__: null, name, namedCurve }, usages, handle);

  function importJwk(jwk, namedCurve, extractable, usages) {
    const isPrivate = jwk.d !== undefined;
    checkUsages(usages, isPrivate ? privateUsages : publicUsages);
    checkJwk(jwk, 'EC', use, extractable, usages);
    const curve = CURVES[namedCurve];
    if (curve === undefined || jwk.crv !== namedCurve) throw dataError(`${name}: the JWK's crv is not '${namedCurve}'`);
    if (name === 'ECDSA' && jwk.alg !== undefined && jwk.alg !== curve.jwk) {
      throw dataError(`ECDSA: the JWK's alg must be '${curve.jwk}'`);
    }
    const numbers = ['x', 'y', ...(isPrivate ? ['d'] : [])].map((member) => jwkBytes(jwk, member));
    if (numbers.some((number) => number.length !== curve.bytes)) {
      throw dataError(`${name}: x, y and d must have ${curve.bytes} bytes each`);
    }
    const [x, y, d] = numbers;
    const point = concatBytes(new Uint8Array([4]), x, y);
    const handle = host.computeNow({
      operation: isPrivate ? host.EC_PAIR : host.EC_POINT,
      a: curve.number,
      data: isPrivate ? concatBytes(d, point) : point,
      what: 'importing the JWK',
      error: 'DataError',
    });
    return makeKey(isPrivate ? 'private' : 'public', namedCurve, extractable, usages, handle);
  }

  function exportJwk(key) {
    const { bytes } = curveOf(key);
    const { namedCurve } = algorithmOf(key);
    const point = pointOf(key);
    const jwk = { kty: 'EC' };
    if (name === 'ECDSA') jwk.alg = curveOf(key).jwk;
    jwk.crv = namedCurve;
    jwk.x = toBase64Url(sliceBytes(point, 1, 1 + bytes));
    jwk.y = toBase64Url(sliceBytes(point, 1 + bytes, 1 + 2 * bytes));
    if (typeOf(key) === 'private') jwk.d = toBase64Url(sliceBytes(handleOf(key), 0, bytes));
    return finishJwk(jwk, key);
  }

  const IMPORTS = {
    __proto__: null,
    raw: { type: 'public', usages: publicUsages, operation: host.EC_POINT },
    spki: { type: 'public', usages: publicUsages, operation: host.EC_IMPORT_SPKI },
    pkcs8: { type: 'private', usages: privateUsages, operation: host.EC_IMPORT_PKCS8 },
  };

  return {
    generateKey: {
      params: curveParams,
      run({ namedCurve }, extractable, usages) {
        checkUsages(usages, [...publicUsages, ...privateUsages]);
        const curve = CURVES[namedCurve];
        if (curve === undefined) throw new DOMException(`${name}: no curve '${namedCurve}'`, 'NotSupportedError');
        const handle = host.computeNow({ operation: host.EC_GENERATE, a: curve.number, what: 'making a key' });
        const point = sliceBytes(handle, curve.bytes, handle.length);
        return {
          publicKey: makeKey('public', namedCurve, true, onlyUsages(usages, publicUsages), point),
          privateKey: makeKey('private', namedCurve, extractable, onlyUsages(usages, privateUsages), handle),
        };
      },
    },
    importKey: {
      params: curveParams,
      run({ namedCurve }, format, keyData, extractable, usages) {
        if (format === 'jwk') return importJwk(keyData, namedCurve, extractable, usages);
        const { type, usages: allowed, operation } = IMPORTS[format];
        const curve = CURVES[namedCurve];
        const noCurve = () => dataError(`${name}: no curve '${namedCurve}'`);
        if (curve === undefined && format === 'raw') throw noCurve(); // the standard's order is another there
        checkUsages(usages, allowed);
        if (curve === undefined) throw noCurve();
        const handle = host.computeNow({
          operation,
          a: curve.number,
          data: keyData,
          what: `importing the ${format} key`,
          error: 'DataError',
        });
        return makeKey(type, namedCurve, extractable, usages, handle);
      },
    },
    exportKey: {
      run(format, key) {
        if (format === 'jwk') return exportJwk(key);
        requireType(key, format === 'pkcs8' ? 'private' : 'public', `the format '${format}'`);
        if (format === 'raw') return copyBytes(handleOf(key));
        return host.computeNow({
          operation: format === 'spki' ? host.EC_EXPORT_SPKI : host.EC_EXPORT_PKCS8,
          a: curveOf(key).number,
          key: handleOf(key),
          what: 'exporting the key',
        });
      },
    },
  };
}

// ECDSA

function ecdsaParams(dictionary) {
  const hash = hashIdentifier(dictionary.hash);
  return { __proto__: null, hash: normalizeHash(hash) };
}

const ecdsaRequest = (operation, { hash }, key, data) => ({
  operation,
  a: curveOf(key).number,
  b: DIGESTS[hash.name].number,
  key: handleOf(key),
  data,
  what: 'ECDSA',
});

registerAlgorithm('ECDSA', {
  sign: {
    params: ecdsaParams,
    run(params, key, data) {
      requireType(key, 'private', 'signing');
      return host.compute(ecdsaRequest(host.EC_SIGN, params, key, data));
    },
  },
  verify: {
    params: ecdsaParams,
    run(params, key, signature, data) {
      requireType(key, 'public', 'verifying');
      return host.computeBoolean({ ...ecdsaRequest(host.EC_VERIFY, params, key, data), param: signature });
    },
  },
  ...keyOperations({ name: 'ECDSA', publicUsages: ['verify'], privateUsages: ['sign'], use: 'sig' }),
});

// ECDH, and what X25519 has of it

/** EcdhKeyDeriveParams. */
export function agreementParams(dictionary) {
  const other = required(dictionary.public, 'public');
  if (!isCryptoKey(other)) throw new TypeError("the algorithm's member 'public' must be a CryptoKey");
  return { __proto__: null, public: other };
}

/** What every key agreement checks of its two keys. */
export function checkAgreement(key, other) {
  requireType(key, 'private', 'deriving');
  requireType(other, 'public', 'the other side of an agreement');
  const own = algorithmOf(key);
  const theirs = algorithmOf(other);
  if (own.name !== theirs.name || own.namedCurve !== theirs.namedCurve) {
    throw new DOMException('the two keys are not of the same algorithm', 'InvalidAccessError');
  }
}

/** The shared secret, or its first bits. */
export function cutSecret(secret, length) {
  if (length === null) return secret;
  if (length > secret.length * 8) throw operationError(`the secret has ${secret.length * 8} bits, not ${length}`);
  return firstBits(secret, length);
}

registerAlgorithm('ECDH', {
  deriveBits: {
    params: agreementParams,
    run({ public: other }, key, length) {
      checkAgreement(key, other);
      const secret = host.computeNow({
        operation: host.EC_AGREE,
        a: curveOf(key).number,
        key: handleOf(key),
        param: handleOf(other),
        what: 'ECDH',
      });
      return cutSecret(secret, length);
    },
  },
  ...keyOperations({ name: 'ECDH', publicUsages: [], privateUsages: ['deriveKey', 'deriveBits'], use: 'enc' }),
});

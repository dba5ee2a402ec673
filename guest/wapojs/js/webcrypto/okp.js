// Ed25519: https://w3c.github.io/webcrypto/#ed25519
// X25519: https://w3c.github.io/webcrypto/#x25519
//
// The handle of a public key is its 32 bytes, that of a private key its own 32 and those of the public key.

import { randomBytes } from 'wapo:native';
import { concatBytes, copyBytes, sliceBytes, toBase64Url } from './bytes.js';
import { createKey, handleOf, typeOf } from './crypto-key.js';
import { agreementParams, checkAgreement, cutSecret } from './elliptic.js';
import { finishJwk, requireType } from './formats.js';
import * as host from './host.js';
import { checkJwk, dataError, jwkBytes } from './jwk.js';
import { registerAlgorithm } from './normalize.js';
import { checkUsages, onlyUsages } from './usages.js';

const KEY_BYTES = 32;

const privateOf = (key) => sliceBytes(handleOf(key), 0, KEY_BYTES);

/**
 * What both have.
 * @param {{name: string, kind: number, publicUsages: string[], privateUsages: string[], use: string, algs: string[]}}
 *   family `kind` is the host's number; `algs` are what a JWK's `alg` may be, if that counts
 */
function keyOperations({ name, kind, publicUsages, privateUsages, use, algs }) {
  const makeKey = (type, extractable, usages, handle) =>
    createKey(type, extractable, { __proto__: null, name }, usages, handle);

  /** A private key's handle. */
  function withPublic(own, error) {
    const request = { operation: host.OKP_PUBLIC, a: kind, key: own, what: `the ${name} key`, error };
    return concatBytes(own, host.computeNow(request));
  }

  function importJwk(jwk, extractable, usages) {
    const isPrivate = jwk.d !== undefined;
    checkUsages(usages, isPrivate ? privateUsages : publicUsages);
    checkJwk(jwk, 'OKP', use, extractable, usages);
    if (jwk.crv !== name) throw dataError(`the JWK's crv must be '${name}'`);
    if (algs !== null && jwk.alg !== undefined && !algs.includes(jwk.alg)) {
      throw dataError(`the JWK's alg must be one of ${algs.join(', ')}`);
    }
    const x = jwkBytes(jwk, 'x');
    if (!isPrivate) return makeKey('public', extractable, usages, checkRaw(x));
    const handle = withPublic(checkRaw(jwkBytes(jwk, 'd')), 'DataError');
    // RFC 8037 section 2: x is the public key of d.
    if (toBase64Url(sliceBytes(handle, KEY_BYTES, 2 * KEY_BYTES)) !== toBase64Url(x)) {
      throw dataError("the JWK's x is not the public key of its d");
    }
    return makeKey('private', extractable, usages, handle);
  }

  function checkRaw(bytes) {
    if (bytes.length !== KEY_BYTES) throw dataError(`a key of ${name} has ${KEY_BYTES} bytes`);
    return bytes;
  }

  function exportJwk(key) {
    const isPrivate = typeOf(key) === 'private';
    const handle = handleOf(key);
    const jwk = { kty: 'OKP', crv: name };
    if (algs !== null) jwk.alg = name;
    jwk.x = toBase64Url(isPrivate ? sliceBytes(handle, KEY_BYTES, 2 * KEY_BYTES) : handle);
    if (isPrivate) jwk.d = toBase64Url(privateOf(key));
    return finishJwk(jwk, key);
  }

  return {
    generateKey: {
      run(_params, extractable, usages) {
        checkUsages(usages, [...publicUsages, ...privateUsages]);
        const handle = withPublic(randomBytes(KEY_BYTES), 'OperationError');
        return {
          publicKey: makeKey(
            'public',
            true,
            onlyUsages(usages, publicUsages),
            sliceBytes(handle, KEY_BYTES, 2 * KEY_BYTES),
          ),
          privateKey: makeKey('private', extractable, onlyUsages(usages, privateUsages), handle),
        };
      },
    },
    importKey: {
      run(_params, format, keyData, extractable, usages) {
        if (format === 'jwk') return importJwk(keyData, extractable, usages);
        checkUsages(usages, format === 'pkcs8' ? privateUsages : publicUsages);
        if (format === 'raw') return makeKey('public', extractable, usages, checkRaw(copyBytes(keyData)));
        const operation = format === 'spki' ? host.OKP_IMPORT_SPKI : host.OKP_IMPORT_PKCS8;
        const raw = host.computeNow({
          operation,
          a: kind,
          data: keyData,
          what: `importing the ${format} key`,
          error: 'DataError',
        });
        if (format === 'spki') return makeKey('public', extractable, usages, raw);
        return makeKey('private', extractable, usages, withPublic(raw, 'DataError'));
      },
    },
    exportKey: {
      run(format, key) {
        if (format === 'jwk') return exportJwk(key);
        requireType(key, format === 'pkcs8' ? 'private' : 'public', `the format '${format}'`);
        if (format === 'raw') return copyBytes(handleOf(key));
        if (format === 'spki') {
          return host.computeNow({
            operation: host.OKP_EXPORT_SPKI,
            a: kind,
            key: handleOf(key),
            what: 'exporting the key',
          });
        }
        return host.computeNow({
          operation: host.OKP_EXPORT_PKCS8,
          a: kind,
          key: privateOf(key),
          what: 'exporting the key',
        });
      },
    },
  };
}

registerAlgorithm('Ed25519', {
  sign: {
    run(_params, key, data) {
      requireType(key, 'private', 'signing');
      return host.compute({ operation: host.ED25519_SIGN, key: privateOf(key), data, what: 'Ed25519' });
    },
  },
  verify: {
    run(_params, key, signature, data) {
      requireType(key, 'public', 'verifying');
      return host.computeBoolean({
        operation: host.ED25519_VERIFY,
        key: handleOf(key),
        param: signature,
        data,
        what: 'Ed25519',
      });
    },
  },
  ...keyOperations({
    name: 'Ed25519',
    kind: 1,
    publicUsages: ['verify'],
    privateUsages: ['sign'],
    use: 'sig',
    algs: ['Ed25519', 'EdDSA'],
  }),
});

registerAlgorithm('X25519', {
  deriveBits: {
    params: agreementParams,
    run({ public: other }, key, length) {
      checkAgreement(key, other);
      const secret = host.computeNow({
        operation: host.X25519_AGREE,
        key: privateOf(key),
        param: handleOf(other),
        what: 'X25519',
      });
      return cutSecret(secret, length);
    },
  },
  ...keyOperations({
    name: 'X25519',
    kind: 2,
    publicUsages: [],
    privateUsages: ['deriveKey', 'deriveBits'],
    use: 'enc',
    algs: null,
  }),
});

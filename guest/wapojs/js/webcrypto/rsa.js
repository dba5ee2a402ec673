// RSASSA-PKCS1-v1_5: https://w3c.github.io/webcrypto/#rsassa-pkcs1
// RSA-PSS: https://w3c.github.io/webcrypto/#rsa-pss
// RSA-OAEP: https://w3c.github.io/webcrypto/#rsa-oaep
//
// The handle of a public key is its SPKI, that of a private key its PKCS #8, as the host writes them.

import { DOMException } from '../dom-exception.js';
import { typedArraySet } from '../primordials.js';
import { isArrayBufferView } from '../webidl.js';
import { copyBytes, sliceBytes, toBase64Url } from './bytes.js';
import { algorithmOf, createKey, handleOf, typeOf } from './crypto-key.js';
import { optionalBufferSource, required, unsignedLong } from './dictionaries.js';
import { DIGESTS, hashIdentifier, hashNumber, normalizeHash } from './digests.js';
import { finishJwk, requireType, unsupportedFormat } from './formats.js';
import * as host from './host.js';
import { checkJwk, dataError, jwkBytes } from './jwk.js';
import { registerAlgorithm } from './normalize.js';
import { checkUsages, onlyUsages } from './usages.js';

const { DataView, TypeError, Uint8Array } = globalThis;

const IMPORT_LIMIT = 'a modulus has at most 8192 bits here, an exponent 64';
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi'];

/** RsaHashedImportParams. */
function importParams(dictionary) {
  const hash = hashIdentifier(dictionary.hash);
  return { __proto__: null, hash: normalizeHash(hash) };
}

/** RsaHashedKeyGenParams: those of RsaKeyGenParams come first. */
function generateParams(dictionary) {
  const modulusLength = unsignedLong(dictionary.modulusLength, 'modulusLength');
  const publicExponent = required(dictionary.publicExponent, 'publicExponent');
  if (!isArrayBufferView(publicExponent) || !(publicExponent instanceof Uint8Array)) {
    throw new TypeError("the algorithm's member 'publicExponent' must be a Uint8Array");
  }
  const hash = hashIdentifier(dictionary.hash);
  return { __proto__: null, hash: normalizeHash(hash), modulusLength, publicExponent };
}

/** The host's list of numbers: each after its u32 length. */
function readNumbers(bytes) {
  const view = new DataView(bytes.buffer);
  const numbers = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at, true);
    numbers.push(sliceBytes(bytes, at + 4, at + 4 + length));
    at += 4 + length;
  }
  return numbers;
}

function writeNumbers(numbers) {
  const bytes = new Uint8Array(numbers.reduce((sum, number) => sum + 4 + number.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const number of numbers) {
    view.setUint32(at, number.length, true);
    typedArraySet(bytes, number, at + 4);
    at += 4 + number.length;
  }
  return bytes;
}

function numbersOf(type, handle) {
  const operation = type === 'public' ? host.RSA_PUBLIC_NUMBERS : host.RSA_PRIVATE_NUMBERS;
  return readNumbers(host.computeNow({ operation, key: handle, what: 'reading the key' }));
}

/**
 * What the three have.
 * @param {{name: string, publicUsages: string[], privateUsages: string[], use: string,
 *   jwkAlg: function(object): string}} family `jwkAlg` names it in a JWK, given what DIGESTS says of the hash
 */
function keyOperations({ name, publicUsages, privateUsages, use, jwkAlg }) {
  function makeKey(type, hash, extractable, usages, handle) {
    const [n, e] = numbersOf(type, handle);
    const algorithm = {
      __proto__: null,
      name,
      modulusLength: n.length * 8 - Math.clz32(n[0]) + 24,
      publicExponent: e,
      hash,
    };
    return createKey(type, extractable, algorithm, usages, handle);
  }

  const hashNameOf = (alg) => {
    for (const hash in DIGESTS) if (jwkAlg(DIGESTS[hash]) === alg) return hash;
    return undefined;
  };

  function importJwk(jwk, hash, extractable, usages) {
    const isPrivate = jwk.d !== undefined;
    checkUsages(usages, isPrivate ? privateUsages : publicUsages);
    checkJwk(jwk, 'RSA', use, extractable, usages);
    if (jwk.alg !== undefined && hashNameOf(jwk.alg) !== hash.name) {
      throw dataError(`${name}: the JWK's alg must be '${jwkAlg(DIGESTS[hash.name])}'`);
    }
    const numbers = [jwkBytes(jwk, 'n'), jwkBytes(jwk, 'e')];
    if (isPrivate) {
      if (jwk.oth !== undefined)
        throw new DOMException('keys of more than two primes are not supported', 'NotSupportedError');
      for (const member of PRIVATE_MEMBERS) numbers.push(jwkBytes(jwk, member));
    }
    const handle = host.computeNow({
      operation: host.RSA_FROM_NUMBERS,
      data: writeNumbers(numbers),
      what: 'importing the JWK',
      error: 'DataError',
      limit: IMPORT_LIMIT,
    });
    return makeKey(isPrivate ? 'private' : 'public', hash, extractable, usages, handle);
  }

  function exportJwk(key) {
    const type = typeOf(key);
    const [n, e, ...own] = numbersOf(type, handleOf(key)).map(toBase64Url);
    const jwk = { kty: 'RSA', alg: jwkAlg(DIGESTS[algorithmOf(key).hash.name]), n, e };
    for (let i = 0; i < own.length; i++) jwk[PRIVATE_MEMBERS[i]] = own[i];
    return finishJwk(jwk, key);
  }

  return {
    generateKey: {
      params: generateParams,
      run({ hash, modulusLength, publicExponent }, extractable, usages) {
        checkUsages(usages, [...publicUsages, ...privateUsages]);
        const made = host.compute({
          operation: host.RSA_GENERATE,
          a: modulusLength,
          param: publicExponent,
          what: `${name}: making a key`,
          limit: 'a key that is made here has at most 4096 bits',
        });
        return host.andThen(made, (handle) => {
          const spki = host.computeNow({ operation: host.RSA_PUBLIC, key: handle, what: `${name}: making a key` });
          return {
            publicKey: makeKey('public', hash, true, onlyUsages(usages, publicUsages), spki),
            privateKey: makeKey('private', hash, extractable, onlyUsages(usages, privateUsages), handle),
          };
        });
      },
    },
    importKey: {
      params: importParams,
      run({ hash }, format, keyData, extractable, usages) {
        if (format === 'jwk') return importJwk(keyData, hash, extractable, usages);
        if (format !== 'spki' && format !== 'pkcs8') throw unsupportedFormat(name, format);
        const type = format === 'spki' ? 'public' : 'private';
        checkUsages(usages, type === 'public' ? publicUsages : privateUsages);
        const handle = host.computeNow({
          operation: type === 'public' ? host.RSA_IMPORT_SPKI : host.RSA_IMPORT_PKCS8,
          data: keyData,
          what: `importing the ${format} key`,
          error: 'DataError',
          limit: IMPORT_LIMIT,
        });
        return makeKey(type, hash, extractable, usages, handle);
      },
    },
    exportKey: {
      run(format, key) {
        if (format === 'jwk') return exportJwk(key);
        if (format !== 'spki' && format !== 'pkcs8') throw unsupportedFormat(name, format);
        requireType(key, format === 'pkcs8' ? 'private' : 'public', `the format '${format}'`);
        return copyBytes(handleOf(key));
      },
    },
  };
}

/** `sign` and `verify` with the host's operations. */
function signing(name, signOperation, verifyOperation, params = undefined) {
  const request = (operation, { saltLength = 0 }, key, data) => ({
    operation,
    a: hashNumber(algorithmOf(key)),
    b: saltLength,
    key: handleOf(key),
    data,
    what: name,
  });
  return {
    sign: {
      params,
      run(given, key, data) {
        requireType(key, 'private', 'signing');
        return host.compute(request(signOperation, given, key, data));
      },
    },
    verify: {
      params,
      run(given, key, signature, data) {
        requireType(key, 'public', 'verifying');
        return host.computeBoolean({ ...request(verifyOperation, given, key, data), param: signature });
      },
    },
  };
}

const SIGNATURE_USAGES = { publicUsages: ['verify'], privateUsages: ['sign'], use: 'sig' };

registerAlgorithm('RSASSA-PKCS1-v1_5', {
  ...signing('RSASSA-PKCS1-v1_5', host.RSA_PKCS1_SIGN, host.RSA_PKCS1_VERIFY),
  ...keyOperations({ name: 'RSASSA-PKCS1-v1_5', ...SIGNATURE_USAGES, jwkAlg: ({ jwk }) => `RS${jwk}` }),
});

const pssParams = ({ saltLength }) => ({ __proto__: null, saltLength: unsignedLong(saltLength, 'saltLength') });

registerAlgorithm('RSA-PSS', {
  ...signing('RSA-PSS', host.RSA_PSS_SIGN, host.RSA_PSS_VERIFY, pssParams),
  ...keyOperations({ name: 'RSA-PSS', ...SIGNATURE_USAGES, jwkAlg: ({ jwk }) => `PS${jwk}` }),
});

// RSA-OAEP

const oaep = (operation, type, what) => ({
  params: ({ label }) => ({ __proto__: null, label: optionalBufferSource(label, 'label') }),
  run({ label }, key, data) {
    requireType(key, type, what);
    return host.compute({
      operation,
      a: hashNumber(algorithmOf(key)),
      key: handleOf(key),
      param: label,
      data,
      what: 'RSA-OAEP',
    });
  },
});

registerAlgorithm('RSA-OAEP', {
  encrypt: oaep(host.RSA_OAEP_ENCRYPT, 'public', 'encrypting'),
  decrypt: oaep(host.RSA_OAEP_DECRYPT, 'private', 'decrypting'),
  ...keyOperations({
    name: 'RSA-OAEP',
    publicUsages: ['encrypt', 'wrapKey'],
    privateUsages: ['decrypt', 'unwrapKey'],
    use: 'enc',
    jwkAlg: ({ jwk }) => (jwk === '1' ? 'RSA-OAEP' : `RSA-OAEP-${jwk}`),
  }),
});

// SHA: https://w3c.github.io/webcrypto/#sha

import { hash } from 'wapo:native';
import { normalize, registerAlgorithm } from './normalize.js';
import { required } from './dictionaries.js';
import { isObject, toDOMString } from '../webidl.js';

/** By name: the host's number (docs/abi.md, 1020), the size of the digest and of a block in bits, names in JWK. */
export const DIGESTS = {
  __proto__: null,
  'SHA-1': { number: 1, bits: 160, block: 512, jwk: '1' },
  'SHA-256': { number: 2, bits: 256, block: 512, jwk: '256' },
  'SHA-384': { number: 3, bits: 384, block: 1024, jwk: '384' },
  'SHA-512': { number: 4, bits: 512, block: 1024, jwk: '512' },
};

for (const name in DIGESTS) {
  const { number } = DIGESTS[name];
  registerAlgorithm(name, { digest: { run: (_params, data) => hash(number, data) } });
}

/** The host's number of a hash, given the KeyAlgorithm or the parameters that name it. */
export const hashNumber = (algorithm) => DIGESTS[algorithm.hash.name].number;

/** The member `hash`, to be normalized when the other members have been read. */
export function hashIdentifier(value) {
  required(value, 'hash');
  return isObject(value) ? value : toDOMString(value);
}

/** "Normalize an algorithm" for a HashAlgorithmIdentifier, as what a key says of its hash. */
export const normalizeHash = (identifier) => ({ __proto__: null, name: normalize('digest', identifier).params.name });

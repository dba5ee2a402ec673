// @noble/hashes and @noble/curves
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { keccak_256, sha3_256 } from '@noble/hashes/sha3.js';
import { blake2b } from '@noble/hashes/blake2.js';
import { blake3 } from '@noble/hashes/blake3.js';
import { hmac } from '@noble/hashes/hmac.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { pbkdf2 } from '@noble/hashes/pbkdf2.js';
import { scrypt } from '@noble/hashes/scrypt.js';
import { bytesToHex, utf8ToBytes, randomBytes } from '@noble/hashes/utils.js';
import { secp256k1, schnorr } from '@noble/curves/secp256k1.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { p256 } from '@noble/curves/nist.js';
import { bls12_381 } from '@noble/curves/bls12-381.js';
const hex = bytesToHex,
  m = utf8ToBytes('abc');
console.log(
  hex(sha256(m)),
  hex(sha512(m)).length,
  hex(keccak_256(m)),
  hex(sha3_256(m)),
  hex(blake2b(m)).length,
  hex(blake3(m)),
);
console.log(
  hex(hmac(sha256, m, m)),
  hex(hkdf(sha256, m, m, m, 16)),
  hex(pbkdf2(sha256, m, m, { c: 10, dkLen: 16 })),
  hex(scrypt(m, m, { N: 16, r: 8, p: 1, dkLen: 16 })),
  randomBytes(8).length,
);
const secret = sha256(m);
for (const [name, curve] of Object.entries({ secp256k1, ed25519, p256 })) {
  const sig = curve.sign(m, secret);
  console.log(
    name,
    hex(curve.getPublicKey(secret)),
    hex(sig),
    curve.verify(sig, m, curve.getPublicKey(secret)),
    curve.verify(sig, utf8ToBytes('abd'), curve.getPublicKey(secret)),
  );
}
console.log(
  hex(x25519.getSharedSecret(secret, x25519.getPublicKey(sha256(secret)))),
  schnorr.verify(schnorr.sign(m, secret), m, schnorr.getPublicKey(secret)),
);

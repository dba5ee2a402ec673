// The libraries of paulmillr, which compute in JavaScript, beside crypto.subtle: they must agree.
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { p256 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';
import { blake2b } from '@noble/hashes/blake2.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { pbkdf2 } from '@noble/hashes/pbkdf2.js';
import { sha1 } from '@noble/hashes/legacy.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import { keccak_256 } from '@noble/hashes/sha3.js';

const { subtle } = crypto;
const HASHES = { 'SHA-1': sha1, 'SHA-256': sha256, 'SHA-384': sha384, 'SHA-512': sha512 };
const hex = (bytes) => new Uint8Array(bytes).toHex();

async function hashes(data) {
  const key = await subtle.importKey('raw', data, 'HKDF', false, ['deriveBits']);
  const password = await subtle.importKey('raw', data, 'PBKDF2', false, ['deriveBits']);
  const salt = data.slice(0, 8);
  const found = { keccak: hex(keccak_256(data)), blake2b: hex(blake2b(data, { dkLen: 32 })) };
  for (const [name, hash] of Object.entries(HASHES)) {
    const mac = await subtle.importKey('raw', data, { name: 'HMAC', hash: name }, false, ['sign']);
    const theirs = [
      hash(data),
      hmac(hash, data, data),
      hkdf(hash, data, salt, data, 100),
      pbkdf2(hash, data, salt, { c: 10, dkLen: 70 }),
    ];
    const ours = [
      await subtle.digest(name, data),
      await subtle.sign('HMAC', mac, data),
      await subtle.deriveBits({ name: 'HKDF', hash: name, salt, info: data }, key, 800),
      await subtle.deriveBits({ name: 'PBKDF2', hash: name, salt, iterations: 10 }, password, 560),
    ];
    found[name] = [theirs.map(hex), ours.map(hex)];
  }
  return found;
}

async function curves(data) {
  const pair = await subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  const open = new Uint8Array(await subtle.exportKey('raw', pair.publicKey));
  const theirs = ed25519.keygen();
  const imported = await subtle.importKey('raw', theirs.publicKey, 'Ed25519', true, ['verify']);
  const nist = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const signature = new Uint8Array(await subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, nist.privateKey, data));
  const agree = await subtle.generateKey('X25519', true, ['deriveBits']);
  const other = x25519.keygen();
  const shared = await subtle.deriveBits(
    { name: 'X25519', public: await subtle.importKey('raw', other.publicKey, 'X25519', true, []) },
    agree.privateKey,
    256,
  );
  const ethereum = secp256k1.keygen();
  return [
    ed25519.verify(new Uint8Array(await subtle.sign('Ed25519', pair.privateKey, data)), data, open),
    await subtle.verify('Ed25519', imported, ed25519.sign(data, theirs.secretKey), data),
    p256.verify(signature, data, new Uint8Array(await subtle.exportKey('raw', nist.publicKey)), { lowS: false }),
    hex(shared) ===
      hex(x25519.getSharedSecret(other.secretKey, new Uint8Array(await subtle.exportKey('raw', agree.publicKey)))),
    secp256k1.verify(secp256k1.sign(data, ethereum.secretKey), data, ethereum.publicKey),
  ];
}

export default {
  async fetch(request) {
    const data = await request.bytes();
    return Response.json({ hashes: await hashes(data), curves: await curves(data) });
  },
};

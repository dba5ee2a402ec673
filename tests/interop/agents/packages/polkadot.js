// @polkadot/util-crypto: hashes, addresses, keys and signatures
import {
  blake2AsHex,
  cryptoWaitReady,
  decodeAddress,
  encodeAddress,
  keccakAsHex,
  mnemonicToMiniSecret,
  mnemonicValidate,
  mnemonicGenerate,
  ed25519PairFromSeed,
  ed25519Sign,
  ed25519Verify,
  randomAsHex,
  secp256k1PairFromSeed,
  sr25519PairFromSeed,
  sr25519Sign,
  sr25519Verify,
  xxhashAsHex,
  signatureVerify,
} from '@polkadot/util-crypto';
import { u8aToHex, stringToU8a } from '@polkadot/util';
console.log(await cryptoWaitReady());
console.log(
  blake2AsHex('abc'),
  keccakAsHex('abc'),
  xxhashAsHex('abc', 128),
  encodeAddress(new Uint8Array(32).fill(1), 42),
  u8aToHex(decodeAddress('5C62Ck4UrFPiBtoCmeSrgF7x9yv9mn38446dhCpsi2mLHiFT')),
);
const seed = mnemonicToMiniSecret('bottom drive obey lake curtain smoke basket hold race lonely fit walk');
console.log(u8aToHex(seed), mnemonicValidate(mnemonicGenerate()));
const e = ed25519PairFromSeed(seed);
const m = stringToU8a('msg');
console.log(u8aToHex(e.publicKey), ed25519Verify(m, ed25519Sign(m, e), e.publicKey));
const s = sr25519PairFromSeed(seed);
console.log(u8aToHex(s.publicKey), sr25519Verify(m, sr25519Sign(m, s), s.publicKey));

import { Keyring } from '@polkadot/keyring';
import { u8aEq } from '@polkadot/util';
for (const type of ['sr25519', 'ed25519', 'ecdsa']) {
  const keyring = new Keyring({ type, ss58Format: 42 });
  const alice = keyring.addFromUri('//Alice', { name: 'Alice' });
  const bob = keyring.addFromUri('//Bob//stash');
  const signature = alice.sign(m);
  console.log(
    type,
    alice.address,
    bob.address,
    alice.verify(m, signature, alice.publicKey),
    alice.verify(m, signature, bob.publicKey),
    signatureVerify(m, signature, alice.address).isValid,
    u8aEq(keyring.getPair(alice.address).publicKey, alice.publicKey),
    keyring.getPairs().length,
  );
}

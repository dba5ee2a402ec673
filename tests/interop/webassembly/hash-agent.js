// hash-wasm: C, with the modules in base64 inside the package.
import { argon2id, blake3, sha3 } from 'hash-wasm';

export default {
  async fetch() {
    const argon = {
      password: 'password',
      salt: 'somesalt',
      parallelism: 1,
      iterations: 2,
      memorySize: 64,
      hashLength: 32,
    };
    return Response.json([await sha3('abc', 256), await blake3('abc'), await argon2id(argon)]);
  },
};

// https://w3c.github.io/webcrypto/#cryptokey-interface, #subtlecrypto-interface, #algorithm-normalization
import { assert, assertEquals, assertInterface, assertRejects, assertSame, assertThrows, test } from './harness.js';
import { hex, rawKey, subtle, unhex, utf8 } from './webcrypto-support.js';

const { CryptoKey, SubtleCrypto } = globalThis;
const aes = () =>
  subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey']);

test('the interfaces', () => {
  assertInterface(CryptoKey, 'CryptoKey', { attributes: ['type', 'extractable', 'algorithm', 'usages'] });
  assertInterface(SubtleCrypto, 'SubtleCrypto', {
    methods: {
      encrypt: 3,
      decrypt: 3,
      sign: 3,
      verify: 4,
      digest: 2,
      generateKey: 3,
      deriveKey: 5,
      deriveBits: 2,
      importKey: 5,
      exportKey: 2,
      wrapKey: 4,
      unwrapKey: 7,
    },
  });
  assertThrows(TypeError, () => new CryptoKey());
  assertThrows(TypeError, () => new SubtleCrypto());
  assertSame(crypto.subtle, crypto.subtle);
});

test('methods reject, whatever is wrong', async () => {
  for (const name of Object.keys(SubtleCrypto.prototype)) {
    await assertRejects(TypeError, subtle[name]());
    await assertRejects(TypeError, SubtleCrypto.prototype[name].call({}, 1, 2, 3, 4, 5, 6, 7));
  }
});

test('a key tells what it is, and nobody changes it', async () => {
  const key = await subtle.generateKey({ name: 'hmac', hash: { name: 'sha-1' } }, false, ['verify', 'sign', 'verify']);
  assertEquals(key.usages, ['sign', 'verify']);
  assertEquals(key.algorithm.name, 'HMAC');
  assertSame(key.algorithm, key.algorithm);
  assertSame(key.usages, key.usages);
  assertEquals(Object.prototype.toString.call(key), '[object CryptoKey]');
  key.usages.push('encrypt');
  key.usages.splice(0, 1);
  key.algorithm.name = 'AES-GCM';
  key.algorithm.hash.name = 'SHA-512';
  assertEquals((await subtle.sign('HMAC', key, utf8(''))).byteLength, 20);
  assertThrows(TypeError, () => {
    'use strict';
    key.extractable = true;
  });
  await assertRejects('InvalidAccessError', subtle.exportKey('raw', key));
});

test('structuredClone: the clone is as good as the key', async () => {
  const key = await subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const { copy, again } = structuredClone({ copy: key, again: key });
  assertSame(copy, again);
  assert(copy instanceof CryptoKey && copy !== key);
  assertEquals([copy.type, copy.extractable, copy.usages], ['secret', false, ['sign']]);
  assertEquals(JSON.stringify(copy.algorithm), JSON.stringify(key.algorithm));
  assertEquals(hex(await subtle.sign('HMAC', copy, utf8('x'))), hex(await subtle.sign('HMAC', key, utf8('x'))));
  await assertRejects('InvalidAccessError', subtle.exportKey('raw', copy));
  const pair = structuredClone(await subtle.generateKey('Ed25519', false, ['sign', 'verify']));
  const signature = await subtle.sign('Ed25519', pair.privateKey, utf8('x'));
  assertEquals(await subtle.verify('Ed25519', pair.publicKey, signature, utf8('x')), true);
});

test('normalization: names in any case, of those that have the operation', async () => {
  assertEquals((await subtle.digest('sha-256', utf8(''))).byteLength, 32);
  assertEquals((await subtle.digest({ name: 'Sha-512' }, utf8(''))).byteLength, 64);
  for (const name of ['SHA-224', 'HMAC', 'ſha-256', '', 'MD5'])
    await assertRejects('NotSupportedError', subtle.digest(name, utf8('')));
  for (const value of [undefined, null, 5, true])
    await assertRejects('NotSupportedError', subtle.digest(value, utf8('')));
  await assertRejects(TypeError, subtle.digest({}, utf8('')));
  await assertRejects(TypeError, subtle.digest({ name: undefined }, utf8('')));
  await assertRejects(TypeError, subtle.digest(Symbol(), utf8('')));
  const key = await aes();
  await assertRejects('NotSupportedError', subtle.sign('AES-GCM', key, utf8('')));
  await assertRejects('NotSupportedError', subtle.encrypt('HMAC', key, utf8('')));
  await assertRejects('NotSupportedError', subtle.encrypt('AES-KW', key, utf8('')));
  await assertRejects('NotSupportedError', subtle.generateKey('SHA-1', true, ['sign']));
  const boom = new Error('boom');
  await assertRejects(
    boom,
    subtle.digest(
      {
        get name() {
          throw boom;
        },
      },
      utf8(''),
    ),
  );
});

test('the bytes are looked at after the algorithm', async () => {
  const empty = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
  const data = utf8('a');
  const changing = {
    get name() {
      data[0] = 0x62;
      return 'SHA-256';
    },
  };
  assertEquals(hex(await subtle.digest(changing, data)), hex(await subtle.digest('SHA-256', utf8('b'))));
  const gone = utf8('a');
  const transferring = {
    get name() {
      if (gone.length) structuredClone(gone, { transfer: [gone.buffer] });
      return 'SHA-256';
    },
  };
  assertEquals(hex(await subtle.digest(transferring, gone)), empty);
});

test('parameters are copied when all of them have been read', async () => {
  const key = await rawKey(unhex('2b7e151628aed2a6abf7158809cf4f3c'), 'AES-GCM', 'encrypt');
  const iv = new Uint8Array(12);
  const algorithm = {
    name: 'AES-GCM',
    iv,
    get tagLength() {
      iv[0] = 1;
      return 128;
    },
  };
  const sealed = subtle.encrypt(algorithm, key, utf8('x'));
  iv[0] = 2;
  const expected = subtle.encrypt(
    { name: 'AES-GCM', iv: Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) },
    key,
    utf8('x'),
  );
  assertEquals(hex(await sealed), hex(await expected));
});

test('members are read in the order of their names, the name first', async () => {
  const read = [];
  const trace = (object) =>
    new Proxy(object, {
      get(target, name) {
        read.push(name);
        return target[name];
      },
    });
  await subtle.generateKey(trace({ name: 'HMAC', length: 8, hash: 'SHA-1' }), true, ['sign']);
  assertEquals(read, ['name', 'name', 'hash', 'length']);
  read.length = 0;
  await subtle.importKey('jwk', trace({ kty: 'oct', k: 'AA' }), { name: 'HMAC', hash: 'SHA-1' }, true, ['sign']);
  assertEquals(read, [
    'alg',
    'crv',
    'd',
    'dp',
    'dq',
    'e',
    'ext',
    'k',
    'key_ops',
    'kty',
    'n',
    'oth',
    'p',
    'q',
    'qi',
    'use',
    'x',
    'y',
  ]);
});

test('the key must be for the algorithm, and have the usage', async () => {
  const gcm = await aes();
  const iv = new Uint8Array(16);
  await assertRejects('InvalidAccessError', subtle.encrypt({ name: 'AES-CBC', iv }, gcm, utf8('')));
  const only = await rawKey(new Uint8Array(16), 'AES-GCM', 'encrypt');
  await assertRejects('InvalidAccessError', subtle.decrypt({ name: 'AES-GCM', iv }, only, utf8('')));
  await assertRejects('InvalidAccessError', subtle.wrapKey('raw', only, only, { name: 'AES-GCM', iv }));
  const mac = await rawKey(utf8('x'), { name: 'HMAC', hash: 'SHA-1' }, 'sign');
  await assertRejects('InvalidAccessError', subtle.verify('HMAC', mac, utf8(''), utf8('')));
  await assertRejects(TypeError, subtle.encrypt({ name: 'AES-GCM', iv }, {}, utf8('')));
  await assertRejects(TypeError, subtle.encrypt({ name: 'AES-GCM', iv }, Object.create(CryptoKey.prototype), utf8('')));
  // Parameters before the key, the key before its limits.
  await assertRejects(TypeError, subtle.encrypt({ name: 'AES-CBC' }, mac, utf8('')));
  await assertRejects('InvalidAccessError', subtle.encrypt({ name: 'AES-CBC', iv: utf8('') }, mac, utf8('')));
});

test('importKey: arguments', async () => {
  const hmac = { name: 'HMAC', hash: 'SHA-1' };
  await assertRejects(TypeError, subtle.importKey('der', utf8('x'), hmac, true, ['sign']));
  await assertRejects(TypeError, subtle.importKey('raw', 'x', hmac, true, ['sign']));
  await assertRejects(TypeError, subtle.importKey('raw', { kty: 'oct', k: 'AA' }, hmac, true, ['sign']));
  await assertRejects(TypeError, subtle.importKey('jwk', utf8('x'), hmac, true, ['sign']));
  await assertRejects(TypeError, subtle.importKey('raw', utf8('x'), hmac, true, ['sing']));
  await assertRejects(TypeError, subtle.importKey('raw', utf8('x'), hmac, true, 'sign'.length));
  await assertRejects(TypeError, subtle.importKey('raw', utf8('x'), 'HMAC', true, ['sign']));
  await assertRejects('DataError', subtle.importKey('jwk', {}, hmac, true, ['sign']));
  await assertRejects('DataError', subtle.importKey('jwk', null, hmac, true, ['sign']));
  await assertRejects('SyntaxError', subtle.importKey('raw', utf8('x'), hmac, true, []));
  await assertRejects(TypeError, subtle.exportKey('der', await aes()));
  const data = utf8('secret');
  const key = await subtle.importKey('raw', data, hmac, 'yes', new Set(['sign']));
  assertEquals(key.extractable, true);
  data.fill(0);
  assertEquals(hex(await subtle.exportKey('raw', key)), hex(utf8('secret')));
  new Uint8Array(await subtle.exportKey('raw', key)).fill(0);
  assertEquals(hex(await subtle.exportKey('raw', key)), hex(utf8('secret')));
});

test('importKey: what is far too long is no key either', async () => {
  const names = {
    'RSA-OAEP': ['encrypt', 'decrypt'],
    ECDSA: ['verify', 'sign'],
    ECDH: [null, 'deriveBits'],
    Ed25519: ['verify', 'sign'],
    X25519: [null, 'deriveBits'],
  };
  for (const [name, [open, own]] of Object.entries(names)) {
    const algorithm = { name, hash: 'SHA-1', namedCurve: 'P-256' };
    const long = new Uint8Array(100_000).fill(0x30);
    await assertRejects('DataError', subtle.importKey('spki', long, algorithm, true, open ? [open] : []));
    await assertRejects('DataError', subtle.importKey('pkcs8', long, algorithm, true, [own]));
    if (name !== 'RSA-OAEP')
      await assertRejects('DataError', subtle.importKey('raw', long, algorithm, true, open ? [open] : []));
    const kty = name === 'RSA-OAEP' ? 'RSA' : name.startsWith('EC') ? 'EC' : 'OKP';
    const jwk = {
      kty,
      crv: kty === 'EC' ? 'P-256' : name,
      x: 'A'.repeat(99_999),
      y: 'A'.repeat(99_999),
      n: 'A'.repeat(99_999),
      e: 'AQAB',
    };
    await assertRejects('DataError', subtle.importKey('jwk', jwk, algorithm, true, open ? [open] : []));
  }
});

test('verify: a signature that is far too long is none', async () => {
  const long = new Uint8Array(100_000);
  for (const algorithm of [
    { name: 'HMAC', hash: 'SHA-1' },
    { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-1' },
    { name: 'Ed25519' },
  ]) {
    const made = await subtle.generateKey(algorithm, true, ['sign', 'verify']);
    assertEquals(await subtle.verify(algorithm, made.publicKey ?? made, long, utf8('x')), false);
    const signature = await subtle.sign(algorithm, made.privateKey ?? made, long);
    assertEquals(await subtle.verify(algorithm, made.publicKey ?? made, signature, long), true);
  }
});

test('wrapKey and unwrapKey: every format, with every cipher', async () => {
  const inner = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const ciphers = [
    { name: 'AES-GCM', iv: new Uint8Array(12) },
    { name: 'AES-CBC', iv: new Uint8Array(16) },
    { name: 'AES-CTR', counter: new Uint8Array(16), length: 64 },
  ];
  for (const cipher of ciphers) {
    const key = await subtle.generateKey({ name: cipher.name, length: 256 }, false, ['wrapKey', 'unwrapKey']);
    for (const [format, wanted, usages] of [
      ['jwk', inner.privateKey, ['sign']],
      ['pkcs8', inner.privateKey, ['sign']],
      ['spki', inner.publicKey, ['verify']],
      ['raw', inner.publicKey, []],
    ]) {
      const wrapped = await subtle.wrapKey(format, wanted, key, cipher);
      assert(wrapped instanceof ArrayBuffer);
      const out = await subtle.unwrapKey(format, wrapped, key, cipher, algorithm, true, usages);
      const plain = wanted === inner.privateKey ? 'pkcs8' : 'raw';
      assertEquals(
        hex(await subtle.exportKey(plain, out)),
        hex(await subtle.exportKey(plain, wanted)),
        `${cipher.name} ${format}`,
      );
    }
    await assertRejects('InvalidAccessError', subtle.encrypt(cipher, key, utf8('')));
    await assertRejects('InvalidAccessError', subtle.wrapKey('jwk', key, key, cipher)); // not extractable
  }
});

test('wrapKey: a JWK with AES-KW and RSA-OAEP', async () => {
  const secret = await rawKey(unhex('00112233445566778899aabbccddeeff'), 'AES-CTR', 'encrypt');
  const kw = await subtle.generateKey({ name: 'AES-KW', length: 192 }, false, ['wrapKey', 'unwrapKey']);
  if (typeof Wapo === 'object') {
    // others may refuse it: the standard leaves the padding of JSON to them
    const wrapped = await subtle.wrapKey('jwk', secret, kw, 'AES-KW');
    const out = await subtle.unwrapKey('jwk', wrapped, kw, 'AES-KW', 'AES-CTR', true, ['encrypt']);
    assertEquals(hex(await subtle.exportKey('raw', out)), '00112233445566778899aabbccddeeff');
  }
  const rsa = await subtle.generateKey(
    { name: 'RSA-OAEP', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-1' },
    false,
    ['wrapKey', 'unwrapKey', 'decrypt'],
  );
  assertEquals([rsa.publicKey.usages, rsa.privateKey.usages], [['wrapKey'], ['decrypt', 'unwrapKey']]);
  for (const format of ['raw', 'jwk']) {
    const sealed = await subtle.wrapKey(format, secret, rsa.publicKey, 'RSA-OAEP');
    const opened = await subtle.unwrapKey(format, sealed, rsa.privateKey, 'RSA-OAEP', 'AES-CTR', true, ['encrypt']);
    assertEquals(hex(await subtle.exportKey('raw', opened)), '00112233445566778899aabbccddeeff');
    if (format === 'jwk')
      assertEquals(
        JSON.parse(new TextDecoder().decode(await subtle.decrypt('RSA-OAEP', rsa.privateKey, sealed))).kty,
        'oct',
      );
  }
});

test('unwrapKey: what comes out must be a key', async () => {
  const cipher = { name: 'AES-GCM', iv: new Uint8Array(12) };
  const key = await aes();
  const seal = (bytes) => subtle.encrypt(cipher, key, bytes);
  const open = (format, wrapped, algorithm = 'AES-GCM', usages = ['encrypt']) =>
    subtle.unwrapKey(format, wrapped, key, cipher, algorithm, true, usages);
  await assertRejects('DataError', open('raw', await seal(new Uint8Array(5))));
  for (const bad of ['{', '5', 'null', '{"k":"AA"}', '{"kty":"oct"}', '\u{feff}x'])
    await assertRejects('DataError', open('jwk', await seal(utf8(bad))));
  await assertRejects('OperationError', open('raw', new Uint8Array(40)));
  await assertRejects('SyntaxError', open('raw', await seal(new Uint8Array(16)), 'AES-GCM', ['sign']));
  await assertRejects('SyntaxError', open('raw', await seal(new Uint8Array(16)), 'AES-GCM', []));
  await assertRejects('NotSupportedError', open('raw', await seal(new Uint8Array(16)), 'SHA-1'));
  const fine = await open('jwk', await seal(utf8('{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAA","more":[1]}')));
  assertEquals(fine.algorithm.length, 128);
});

// https://w3c.github.io/webcrypto/#hkdf, #pbkdf2
import { assertEquals, assertRejects, test } from './harness.js';
import { hex, subtle, unhex, utf8 } from './webcrypto-support.js';

const base = (name, bytes, usages = ['deriveBits', 'deriveKey']) => subtle.importKey('raw', bytes, name, false, usages);

test('HKDF: the vectors of RFC 5869', async () => {
  // A.1, A.3 and A.4
  const vectors = [
    [
      'SHA-256',
      '0b'.repeat(22),
      '000102030405060708090a0b0c',
      'f0f1f2f3f4f5f6f7f8f9',
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    ],
    [
      'SHA-256',
      '0b'.repeat(22),
      '',
      '',
      '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
    ],
    [
      'SHA-1',
      '0b'.repeat(11),
      '000102030405060708090a0b0c',
      'f0f1f2f3f4f5f6f7f8f9',
      '085a01ea1b10f36933068b56efa5ad81a4f14b822f5b091568a9cdd4f155fda2c22e422478d305f3f896',
    ],
  ];
  for (const [hash, key, salt, info, expected] of vectors) {
    const algorithm = { name: 'HKDF', hash, salt: unhex(salt), info: unhex(info) };
    assertEquals(hex(await subtle.deriveBits(algorithm, await base('HKDF', unhex(key)), 336)), expected);
  }
});

test('HKDF: lengths', async () => {
  const key = await base('HKDF', utf8('x'));
  const derive = (length, changes) =>
    subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: utf8(''), info: utf8(''), ...changes }, key, length);
  assertEquals((await derive(255 * 256)).byteLength, 255 * 32);
  assertEquals((await derive(0)).byteLength, 0);
  await assertRejects('OperationError', derive(255 * 256 + 8));
  await assertRejects('OperationError', derive(12));
  await assertRejects('OperationError', derive(null));
  await assertRejects('OperationError', derive(undefined));
  await assertRejects(TypeError, derive(8, { salt: undefined }));
  await assertRejects(TypeError, derive(8, { info: undefined }));
  await assertRejects(TypeError, derive(8, { hash: undefined }));
  await assertRejects('NotSupportedError', derive(8, { hash: 'MD5' }));
});

test('PBKDF2: the vectors of RFC 6070 and RFC 7914', async () => {
  const vectors = [
    ['SHA-1', 'password', 'salt', 1, '0c60c80f961f0e71f3a9b524af6012062fe037a6'],
    ['SHA-1', 'password', 'salt', 2, 'ea6c014dc72d6f8ccd1ed92ace1d41f0d8de8957'],
    ['SHA-1', 'password', 'salt', 4096, '4b007901b765489abead49d926f721d065a429c1'],
    [
      'SHA-256',
      'passwd',
      'salt',
      1,
      '55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783',
    ],
  ];
  for (const [hash, password, salt, iterations, expected] of vectors) {
    const algorithm = { name: 'PBKDF2', hash, salt: utf8(salt), iterations };
    const bits = await subtle.deriveBits(algorithm, await base('PBKDF2', utf8(password)), expected.length * 4);
    assertEquals(hex(bits), expected);
  }
});

test('PBKDF2: iterations, lengths, an empty password', async () => {
  const key = await base('PBKDF2', utf8(''));
  const derive = (length, changes) =>
    subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt: utf8('s'), iterations: 1, ...changes }, key, length);
  assertEquals((await derive(512)).byteLength, 64);
  assertEquals((await derive(0)).byteLength, 0);
  await assertRejects('OperationError', derive(512, { iterations: 0 }));
  await assertRejects('OperationError', derive(9));
  await assertRejects('OperationError', derive(null));
  await assertRejects(TypeError, derive(8, { iterations: -1 }));
  await assertRejects(TypeError, derive(8, { iterations: 2 ** 32 }));
});

test('keys for derivation come as bytes, and stay', async () => {
  for (const name of ['HKDF', 'PBKDF2']) {
    const key = await base(name, utf8('secret'), ['deriveKey']);
    assertEquals(
      [key.type, key.extractable, Object.keys(key.algorithm), key.usages],
      ['secret', false, ['name'], ['deriveKey']],
    );
    await assertRejects('SyntaxError', subtle.importKey('raw', utf8('x'), name, true, ['deriveBits']));
    await assertRejects('SyntaxError', subtle.importKey('raw', utf8('x'), name, false, ['encrypt']));
    await assertRejects('SyntaxError', subtle.importKey('raw', utf8('x'), name, false, []));
    await assertRejects('NotSupportedError', subtle.importKey('pkcs8', utf8('x'), name, false, ['deriveBits']));
    await assertRejects(
      'NotSupportedError',
      subtle.importKey('jwk', { kty: 'oct', k: '' }, name, false, ['deriveBits']),
    );
    await assertRejects('NotSupportedError', subtle.exportKey('raw', key));
    await assertRejects('NotSupportedError', subtle.generateKey(name, true, ['deriveBits']));
  }
});

test('deriveKey: the length is what the key needs', async () => {
  const key = await base('PBKDF2', utf8('secret'));
  const algorithm = { name: 'PBKDF2', hash: 'SHA-256', salt: utf8('s'), iterations: 2 };
  const bits = hex(await subtle.deriveBits(algorithm, key, 1024));
  for (const [type, length, usage] of [
    [{ name: 'AES-GCM', length: 192 }, 192, 'encrypt'],
    [{ name: 'AES-KW', length: 128 }, 128, 'wrapKey'],
    [{ name: 'HMAC', hash: 'SHA-256' }, 512, 'sign'],
    [{ name: 'HMAC', hash: 'SHA-512', length: 40 }, 40, 'sign'],
  ]) {
    const derived = await subtle.deriveKey(algorithm, key, type, true, [usage]);
    assertEquals(derived.algorithm.length, length);
    assertEquals(hex(await subtle.exportKey('raw', derived)), bits.slice(0, length / 4));
  }
  await assertRejects(
    'OperationError',
    subtle.deriveKey(algorithm, key, { name: 'AES-GCM', length: 100 }, true, ['encrypt']),
  );
  await assertRejects(
    TypeError,
    subtle.deriveKey(algorithm, key, { name: 'HMAC', hash: 'SHA-1', length: 0 }, true, ['sign']),
  );
  await assertRejects(
    'SyntaxError',
    subtle.deriveKey(algorithm, key, { name: 'AES-GCM', length: 128 }, true, ['sign']),
  );
  await assertRejects('SyntaxError', subtle.deriveKey(algorithm, key, { name: 'AES-GCM', length: 128 }, true, []));
  await assertRejects(
    'NotSupportedError',
    subtle.deriveKey(algorithm, key, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']),
  );
});

test('deriving needs the usage, and the algorithm of the key', async () => {
  const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: utf8(''), info: utf8('') };
  const aes = { name: 'AES-GCM', length: 128 };
  const forBits = await base('HKDF', utf8('x'), ['deriveBits']);
  const forKeys = await base('HKDF', utf8('x'), ['deriveKey']);
  await assertRejects('InvalidAccessError', subtle.deriveKey(algorithm, forBits, aes, true, ['encrypt']));
  await assertRejects('InvalidAccessError', subtle.deriveBits(algorithm, forKeys, 8));
  const other = await base('PBKDF2', utf8('x'));
  await assertRejects('InvalidAccessError', subtle.deriveBits(algorithm, other, 8));
  await assertRejects('InvalidAccessError', subtle.deriveKey(algorithm, other, aes, true, ['encrypt']));
});

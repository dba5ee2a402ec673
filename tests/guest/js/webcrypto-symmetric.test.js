// https://w3c.github.io/webcrypto/#hmac, #aes-ctr, #aes-cbc, #aes-gcm, #aes-kw
import { assert, assertEquals, assertRejects, test } from './harness.js';
import { HASHES, hex, rawKey, subtle, text, unhex, utf8 } from './webcrypto-support.js';

// HMAC

// RFC 4231 section 4.2, RFC 2202 section 3
const HMACS = {
  'SHA-1': 'b617318655057264e28bc0b6fb378c8ef146be00',
  'SHA-256': 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
  'SHA-384': 'afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6',
  'SHA-512':
    '87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854',
};

test('HMAC: the vectors of RFC 4231 and RFC 2202', async () => {
  for (const hash of HASHES) {
    const key = await rawKey(new Uint8Array(20).fill(0x0b), { name: 'HMAC', hash }, 'sign', 'verify');
    const mac = await subtle.sign('HMAC', key, utf8('Hi There'));
    assert(mac instanceof ArrayBuffer);
    assertEquals(hex(mac), HMACS[hash], hash);
    assertEquals(await subtle.verify('HMAC', key, mac, utf8('Hi There')), true);
    assertEquals(await subtle.verify('HMAC', key, mac, utf8('Hi there')), false);
    assertEquals(await subtle.verify('HMAC', key, mac.slice(1), utf8('Hi There')), false);
    assertEquals(await subtle.verify('HMAC', key, new Uint8Array(0), utf8('Hi There')), false);
  }
});

test('HMAC: a key is as long as a block, or as it is asked for', async () => {
  for (const [hash, length] of [
    ['SHA-1', 512],
    ['SHA-256', 512],
    ['SHA-384', 1024],
    ['SHA-512', 1024],
  ]) {
    const key = await subtle.generateKey({ name: 'HMAC', hash }, true, ['sign']);
    assertEquals(key.algorithm, { name: 'HMAC', length, hash: { name: hash } });
    assertEquals((await subtle.exportKey('raw', key)).byteLength, length / 8);
  }
  const short = await subtle.generateKey({ name: 'HMAC', hash: 'SHA-256', length: 256 }, true, ['verify']);
  assertEquals(short.algorithm.length, 256);
  await assertRejects('OperationError', subtle.generateKey({ name: 'HMAC', hash: 'SHA-1', length: 0 }, true, ['sign']));
});

test('HMAC: the length of an import is that of the data, to the byte', async () => {
  const data = new Uint8Array(4);
  const bits = async (length) =>
    (await rawKey(data, { name: 'HMAC', hash: 'SHA-256', length }, 'sign')).algorithm.length;
  assertEquals(await bits(undefined), 32);
  assertEquals(await bits(32), 32);
  await assertRejects('DataError', bits(33));
  await assertRejects('DataError', bits(24));
  await assertRejects('DataError', bits(8));
  await assertRejects('DataError', rawKey(new Uint8Array(0), { name: 'HMAC', hash: 'SHA-1' }, 'sign'));
});

test('HMAC: JWK says which hash', async () => {
  const key = await rawKey(utf8('secret'), { name: 'HMAC', hash: 'SHA-384' }, 'sign', 'verify');
  const jwk = await subtle.exportKey('jwk', key);
  assertEquals(jwk.k, 'c2VjcmV0');
  assertEquals([jwk.kty, jwk.alg, jwk.ext], ['oct', 'HS384', true]);
  assertEquals(jwk.key_ops, ['sign', 'verify']);
  const take = (hash, changes) =>
    subtle.importKey('jwk', { ...jwk, ...changes }, { name: 'HMAC', hash }, true, ['sign']);
  assertEquals(hex(await subtle.exportKey('raw', await take('SHA-384'))), hex(utf8('secret')));
  await take('SHA-384', { alg: undefined, use: 'sig' });
  await assertRejects('DataError', take('SHA-256'));
  for (const changes of [
    { kty: 'RSA' },
    { kty: undefined },
    { k: undefined },
    { k: 'c2V=' },
    { k: '+/+/' },
    { use: 'enc' },
    { key_ops: ['verify'] },
    { key_ops: ['sign', 'sign'] },
    { ext: false },
    { alg: 'HS1' },
  ]) {
    await assertRejects('DataError', take('SHA-384', changes));
  }
});

// AES

const KEY = unhex('2b7e151628aed2a6abf7158809cf4f3c');
const BLOCK = unhex('6bc1bee22e409f96e93d7e117393172a');

test('AES-CBC: NIST SP 800-38A F.2.1, with the padding', async () => {
  const key = await rawKey(KEY, 'AES-CBC', 'encrypt', 'decrypt');
  const iv = unhex('000102030405060708090a0b0c0d0e0f');
  const sealed = await subtle.encrypt({ name: 'AES-CBC', iv }, key, BLOCK);
  assertEquals(sealed.byteLength, 32);
  assertEquals(hex(sealed).slice(0, 32), '7649abac8119b246cee98e9b12e9197d');
  assertEquals(hex(await subtle.decrypt({ name: 'AES-CBC', iv }, key, sealed)), hex(BLOCK));
  for (const length of [0, 1, 15, 16, 17, 1000]) {
    const data = crypto.getRandomValues(new Uint8Array(length));
    const whole = await subtle.encrypt({ name: 'AES-CBC', iv }, key, data);
    assertEquals(whole.byteLength, (Math.floor(length / 16) + 1) * 16);
    assertEquals(hex(await subtle.decrypt({ name: 'AES-CBC', iv }, key, whole)), hex(data));
  }
  await assertRejects('OperationError', subtle.encrypt({ name: 'AES-CBC', iv: iv.slice(1) }, key, BLOCK));
  for (const bad of [sealed.slice(0, 16), sealed.slice(0, 31), new Uint8Array(0)]) {
    await assertRejects('OperationError', subtle.decrypt({ name: 'AES-CBC', iv }, key, bad));
  }
});

test('AES-CTR: NIST SP 800-38A F.5.1', async () => {
  const key = await rawKey(KEY, 'AES-CTR', 'encrypt', 'decrypt');
  const algorithm = { name: 'AES-CTR', counter: unhex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff'), length: 128 };
  const data = unhex('6bc1bee22e409f96e93d7e117393172a ae2d8a571e03ac9c9eb76fac45af8e51');
  const sealed = await subtle.encrypt(algorithm, key, data);
  assertEquals(hex(sealed), '874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff');
  assertEquals(hex(await subtle.decrypt(algorithm, key, sealed)), hex(data));
});

test('AES-CTR: only `length` bits count, and come round', async () => {
  const key = await rawKey(KEY, 'AES-CTR', 'encrypt');
  const zeros = new Uint8Array(16);
  const stream = async (counter, length, blocks) =>
    hex(await subtle.encrypt({ name: 'AES-CTR', counter, length }, key, new Uint8Array(16 * blocks)));
  for (const length of [1, 7, 8, 32, 127, 128]) {
    const last = new Uint8Array(16);
    let ones = length;
    for (let i = 15; ones > 0; i--, ones -= 8) last[i] = (1 << Math.min(ones, 8)) - 1;
    const [first, second] = (await stream(last, length, 2)).match(/.{32}/g);
    assertEquals(first, await stream(last, 128, 1), `${length} bits`);
    assertEquals(second, await stream(zeros, 128, 1), `${length} bits, after the last`);
  }
  const encrypt = (algorithm, blocks) =>
    subtle.encrypt({ name: 'AES-CTR', counter: zeros, ...algorithm }, key, new Uint8Array(16 * blocks));
  await encrypt({ length: 2 }, 4);
  await assertRejects('OperationError', encrypt({ length: 2 }, 5));
  await assertRejects('OperationError', encrypt({ length: 0 }, 1));
  await assertRejects('OperationError', encrypt({ length: 129 }, 1));
  await assertRejects('OperationError', encrypt({ length: 64, counter: new Uint8Array(15) }, 1));
  await assertRejects(TypeError, encrypt({ length: 256 }, 1));
  await assertRejects(TypeError, encrypt({}, 1));
});

// The Galois/Counter Mode of Operation (McGrew, Viega), test case 4
const GCM = {
  key: unhex('feffe9928665731c6d6a8f9467308308'),
  iv: unhex('cafebabefacedbaddecaf888'),
  data: unhex(`d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525
    b16aedf5aa0de657ba637b39`),
  additionalData: unhex('feedfacedeadbeeffeedfacedeadbeefabaddad2'),
  sealed: `42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091`,
  tag: '5bc94fbc3221a5db94fae95ae7121a47',
};

test('AES-GCM: test case 4 of its authors, with every length of tag', async () => {
  const { iv, additionalData } = GCM;
  const key = await rawKey(GCM.key, 'AES-GCM', 'encrypt', 'decrypt');
  for (const tagLength of [undefined, 32, 64, 96, 104, 112, 120, 128]) {
    const algorithm = { name: 'AES-GCM', iv, additionalData, tagLength };
    const sealed = await subtle.encrypt(algorithm, key, GCM.data);
    assertEquals(hex(sealed), GCM.sealed + GCM.tag.slice(0, (tagLength ?? 128) / 4));
    assertEquals(hex(await subtle.decrypt(algorithm, key, sealed)), hex(GCM.data));
    await assertRejects('OperationError', subtle.decrypt({ ...algorithm, additionalData: undefined }, key, sealed));
    const broken = new Uint8Array(sealed);
    broken[0] ^= 1;
    await assertRejects('OperationError', subtle.decrypt(algorithm, key, broken));
  }
  for (const tagLength of [0, 16, 31, 40, 129]) {
    await assertRejects('OperationError', subtle.encrypt({ name: 'AES-GCM', iv, tagLength }, key, GCM.data));
  }
  await assertRejects(TypeError, subtle.encrypt({ name: 'AES-GCM', iv, tagLength: 256 }, key, GCM.data));
  await assertRejects('OperationError', subtle.decrypt({ name: 'AES-GCM', iv }, key, new Uint8Array(15)));
  assertEquals((await subtle.encrypt({ name: 'AES-GCM', iv }, key, new Uint8Array(0))).byteLength, 16);
});

test('AES-KW: the vectors of RFC 3394', async () => {
  const key = await rawKey(unhex('000102030405060708090a0b0c0d0e0f'), 'AES-KW', 'wrapKey', 'unwrapKey');
  const inner = await rawKey(unhex('00112233445566778899aabbccddeeff'), 'AES-GCM', 'encrypt');
  const wrapped = await subtle.wrapKey('raw', inner, key, 'AES-KW');
  assertEquals(hex(wrapped), '1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5');
  const out = await subtle.unwrapKey('raw', wrapped, key, 'AES-KW', 'AES-GCM', true, ['decrypt']);
  assertEquals(hex(await subtle.exportKey('raw', out)), '00112233445566778899aabbccddeeff');
  const broken = new Uint8Array(wrapped);
  broken[3] ^= 1;
  await assertRejects('OperationError', subtle.unwrapKey('raw', broken, key, 'AES-KW', 'AES-GCM', true, ['decrypt']));
  const odd = await rawKey(new Uint8Array(20), { name: 'HMAC', hash: 'SHA-1' }, 'sign');
  await assertRejects('OperationError', subtle.wrapKey('raw', odd, key, 'AES-KW'));
});

test('AES: keys have 128, 192 or 256 bits, in every form', async () => {
  for (const name of ['AES-CTR', 'AES-CBC', 'AES-GCM', 'AES-KW']) {
    const usages = name === 'AES-KW' ? ['wrapKey'] : ['encrypt', 'decrypt'];
    for (const length of [128, 192, 256]) {
      const key = await subtle.generateKey({ name, length }, true, usages);
      assertEquals(
        [key.type, key.extractable, key.algorithm.name, key.algorithm.length],
        ['secret', true, name, length],
      );
      const jwk = await subtle.exportKey('jwk', key);
      assertEquals([jwk.kty, jwk.alg], ['oct', `A${length}${name.slice(4)}`]);
      const again = await subtle.importKey('jwk', jwk, { name }, true, usages);
      assertEquals(hex(await subtle.exportKey('raw', again)), hex(await subtle.exportKey('raw', key)));
      await assertRejects('DataError', subtle.importKey('jwk', { ...jwk, alg: 'A1KW' }, name, true, usages));
      await assertRejects('DataError', subtle.importKey('jwk', { ...jwk, use: 'sig' }, name, true, usages));
    }
    await assertRejects('OperationError', subtle.generateKey({ name, length: 64 }, true, usages));
    await assertRejects(TypeError, subtle.generateKey({ name }, true, usages));
    await assertRejects('DataError', rawKey(new Uint8Array(17), name, ...usages));
    await assertRejects('SyntaxError', subtle.generateKey({ name, length: 128 }, true, ['sign']));
    await assertRejects('SyntaxError', subtle.generateKey({ name, length: 128 }, true, []));
    await assertRejects('NotSupportedError', subtle.importKey('spki', new Uint8Array(16), name, true, usages));
  }
  await assertRejects('SyntaxError', subtle.generateKey({ name: 'AES-KW', length: 128 }, true, ['encrypt']));
});

test('views, offsets and other buffers are taken as they are', async () => {
  const key = await rawKey(KEY, 'AES-GCM', 'encrypt', 'decrypt');
  const memory = new Uint8Array(64);
  memory.set(utf8('a text'), 8);
  const iv = new Uint16Array(memory.buffer, 32, 6);
  const sealed = await subtle.encrypt({ name: 'AES-GCM', iv }, key, new DataView(memory.buffer, 8, 6));
  assertEquals(text(await subtle.decrypt({ name: 'AES-GCM', iv: new ArrayBuffer(12) }, key, sealed)), 'a text');
  await assertRejects(TypeError, subtle.encrypt({ name: 'AES-GCM', iv: 'text' }, key, memory));
  await assertRejects(TypeError, subtle.encrypt({ name: 'AES-GCM', iv }, key, 'text'));
  await assertRejects(TypeError, subtle.encrypt({ name: 'AES-GCM', iv }, key, new SharedArrayBuffer(8)));
  await assertRejects(TypeError, subtle.encrypt({ name: 'AES-GCM', iv }, key, [1, 2]));
});

test('a long text takes its time, and others do not wait', async () => {
  const key = await rawKey(KEY, 'AES-CTR', 'encrypt', 'decrypt');
  const algorithm = { name: 'AES-CTR', counter: new Uint8Array(16), length: 64 };
  const data = new Uint8Array(3_000_000).fill(7);
  const order = [];
  const long = subtle.encrypt(algorithm, key, data).then((sealed) => (order.push('long'), sealed));
  data.fill(0); // it has been taken already
  await subtle.encrypt(algorithm, key, new Uint8Array(16)).then(() => order.push('short'));
  const sealed = await long;
  if (typeof Wapo === 'object') assertEquals(order, ['short', 'long']);
  const opened = new Uint8Array(await subtle.decrypt(algorithm, key, sealed));
  assertEquals([opened.length, opened[0], opened[1_500_000], opened[2_999_999]], [3_000_000, 7, 7, 7]);
});

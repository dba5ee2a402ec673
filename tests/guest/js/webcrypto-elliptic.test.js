// https://w3c.github.io/webcrypto/#ecdsa, #ecdh, #ed25519, #x25519
import { assertEquals, assertRejects, test } from './harness.js';
import { HASHES, hex, subtle, unhex, utf8 } from './webcrypto-support.js';

const CURVES = { 'P-256': 32, 'P-384': 48, 'P-521': 66 };

// ECDSA

test('ECDSA: the key and signature of RFC 6979 A.2.5', async () => {
  const x = '60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6';
  const y = '7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299';
  const signature = unhex(`efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716
    f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8`);
  const key = await subtle.importKey('raw', unhex(`04${x}${y}`), { name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'verify',
  ]);
  const verify = (data, sig = signature, hash = 'SHA-256') =>
    subtle.verify({ name: 'ECDSA', hash }, key, sig, utf8(data));
  assertEquals(await verify('sample'), true);
  assertEquals(await verify('Sample'), false);
  assertEquals(await verify('sample', signature, 'SHA-384'), false);
  assertEquals(await verify('sample', signature.slice(1)), false);
  assertEquals(await verify('sample', new Uint8Array(64)), false);
  assertEquals(await verify('sample', new Uint8Array(64).fill(255)), false);
  assertEquals(await verify('sample', new Uint8Array(0)), false);
});

test('ECDSA: the JWS of RFC 7515 A.3', async () => {
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
    y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI',
  };
  const data = utf8(
    'eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ',
  );
  const given = 'DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q';
  const signature = Uint8Array.from(atob(given.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
  const { d, ...open } = jwk;
  const publicKey = await subtle.importKey('jwk', open, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify']);
  const privateKey = await subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign']);
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' };
  assertEquals(await subtle.verify(algorithm, publicKey, signature, data), true);
  assertEquals(await subtle.verify(algorithm, publicKey, await subtle.sign(algorithm, privateKey, data), data), true);
  assertEquals((await subtle.exportKey('jwk', privateKey)).d, jwk.d);
  assertEquals((await subtle.exportKey('jwk', publicKey)).y, jwk.y);
});

test('ECDSA: every curve with every hash', async () => {
  for (const [namedCurve, size] of Object.entries(CURVES)) {
    const { publicKey, privateKey } = await subtle.generateKey({ name: 'ECDSA', namedCurve }, false, [
      'sign',
      'verify',
    ]);
    assertEquals([publicKey.type, publicKey.extractable, publicKey.usages], ['public', true, ['verify']]);
    assertEquals([privateKey.type, privateKey.extractable, privateKey.usages], ['private', false, ['sign']]);
    assertEquals(privateKey.algorithm, { name: 'ECDSA', namedCurve });
    for (const hash of HASHES) {
      const algorithm = { name: 'ECDSA', hash };
      const signature = await subtle.sign(algorithm, privateKey, utf8('text'));
      assertEquals(signature.byteLength, 2 * size);
      assertEquals(await subtle.verify(algorithm, publicKey, signature, utf8('text')), true);
      assertEquals(await subtle.verify(algorithm, publicKey, signature, utf8('test')), false);
    }
    await assertRejects('InvalidAccessError', subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, publicKey, utf8('')));
    await assertRejects('InvalidAccessError', subtle.exportKey('pkcs8', privateKey));
    await assertRejects(TypeError, subtle.sign({ name: 'ECDSA' }, privateKey, utf8('')));
    await assertRejects(TypeError, subtle.sign('ECDSA', privateKey, utf8('')));
  }
});

test('elliptic curves: every format brings the same key back', async () => {
  for (const name of ['ECDSA', 'ECDH']) {
    const [publicUsages, privateUsages] = name === 'ECDSA' ? [['verify'], ['sign']] : [[], ['deriveBits']];
    for (const [namedCurve, size] of Object.entries(CURVES)) {
      const algorithm = { name, namedCurve };
      const pair = await subtle.generateKey(algorithm, true, [...publicUsages, ...privateUsages]);
      const point = hex(await subtle.exportKey('raw', pair.publicKey));
      assertEquals([point.length, point.slice(0, 2)], [2 + 4 * size, '04']);
      for (const format of ['raw', 'spki', 'jwk']) {
        const data = await subtle.exportKey(format, pair.publicKey);
        const key = await subtle.importKey(format, data, algorithm, true, publicUsages);
        assertEquals([hex(await subtle.exportKey('raw', key)), key.type], [point, 'public'], `${namedCurve} ${format}`);
      }
      const pkcs8 = hex(await subtle.exportKey('pkcs8', pair.privateKey));
      for (const format of ['pkcs8', 'jwk']) {
        const data = await subtle.exportKey(format, pair.privateKey);
        const key = await subtle.importKey(format, data, algorithm, true, privateUsages);
        assertEquals(
          [hex(await subtle.exportKey('pkcs8', key)), key.type],
          [pkcs8, 'private'],
          `${namedCurve} ${format}`,
        );
      }
      const jwk = await subtle.exportKey('jwk', pair.privateKey);
      assertEquals([jwk.kty, jwk.crv, jwk.key_ops], ['EC', namedCurve, privateUsages]);
      await assertRejects('InvalidAccessError', subtle.exportKey('raw', pair.privateKey));
      await assertRejects('InvalidAccessError', subtle.exportKey('spki', pair.privateKey));
      await assertRejects('InvalidAccessError', subtle.exportKey('pkcs8', pair.publicKey));
    }
  }
});

test('elliptic curves: what is no key is refused', async () => {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
  const { publicKey, privateKey } = await subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const other = await subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const take = (format, data, usages, changes) =>
    subtle.importKey(format, data, { ...algorithm, ...changes }, true, usages);
  const raw = new Uint8Array(await subtle.exportKey('raw', publicKey));
  const off = raw.slice();
  off[64] ^= 1; // not on the curve
  for (const bad of [off, raw.slice(1), new Uint8Array(0), new Uint8Array([0])]) {
    await assertRejects('DataError', take('raw', bad, ['verify']));
  }
  const spki = new Uint8Array(await subtle.exportKey('spki', publicKey));
  const pkcs8 = new Uint8Array(await subtle.exportKey('pkcs8', privateKey));
  await assertRejects('DataError', take('spki', spki, ['verify'], { namedCurve: 'P-384' }));
  await assertRejects('DataError', take('pkcs8', pkcs8, ['sign'], { namedCurve: 'P-384' }));
  await assertRejects('DataError', take('spki', pkcs8, ['verify']));
  await assertRejects('DataError', take('pkcs8', spki, ['sign']));
  await assertRejects('DataError', take('spki', spki.slice(1), ['verify']));
  await assertRejects('DataError', take('spki', spki.slice(0, 50), ['verify']));
  await assertRejects('DataError', take('pkcs8', new Uint8Array(0), ['sign']));
  await assertRejects('DataError', take('spki', new Uint8Array(1000), ['verify']));
  const jwk = await subtle.exportKey('jwk', privateKey);
  const { x, y } = await subtle.exportKey('jwk', other.publicKey);
  for (const changes of [
    { x, y },
    { x },
    { kty: 'RSA' },
    { crv: 'P-384' },
    { crv: undefined },
    { y: undefined },
    { d: 'AA' },
    { alg: 'ES384' },
    { use: 'enc' },
    { key_ops: ['verify'] },
    { ext: false },
  ]) {
    await assertRejects('DataError', take('jwk', { ...jwk, ...changes }, ['sign']));
  }
  await assertRejects('SyntaxError', take('jwk', jwk, ['verify']));
  await assertRejects('SyntaxError', take('jwk', { ...jwk, d: undefined }, ['sign']));
  await assertRejects('SyntaxError', take('raw', raw, ['sign']));
  await assertRejects('DataError', take('raw', raw, ['sign'], { namedCurve: 'P-224' }));
  await assertRejects('DataError', take('spki', spki, ['verify'], { namedCurve: 'P-224' }));
  await assertRejects('SyntaxError', take('spki', spki, ['sign'], { namedCurve: 'P-224' }));
  await assertRejects('SyntaxError', take('spki', spki, ['deriveBits']));
  await assertRejects('SyntaxError', take('pkcs8', pkcs8, ['verify']));
  await assertRejects('SyntaxError', take('pkcs8', pkcs8, []));
  await assertRejects('NotSupportedError', subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-224' }, true, ['sign']));
  await assertRejects(
    'NotSupportedError',
    subtle.generateKey({ name: 'ECDH', namedCurve: 'p-256' }, true, ['deriveBits']),
  );
  await assertRejects(TypeError, subtle.generateKey({ name: 'ECDH' }, true, ['deriveBits']));
  await assertRejects('SyntaxError', subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['sign']));
  await assertRejects('SyntaxError', subtle.generateKey(algorithm, true, ['verify']));
});

// ECDH

test('ECDH: both sides agree, on as many bits as are asked for', async () => {
  for (const [namedCurve, size] of Object.entries(CURVES)) {
    const make = () => subtle.generateKey({ name: 'ECDH', namedCurve }, false, ['deriveBits', 'deriveKey']);
    const [a, b] = [await make(), await make()];
    assertEquals([a.publicKey.usages, a.privateKey.usages], [[], ['deriveKey', 'deriveBits']]);
    const derive = (own, other, length) =>
      subtle.deriveBits({ name: 'ECDH', public: other.publicKey }, own.privateKey, length);
    const secret = hex(await derive(a, b, null));
    assertEquals(secret.length, 2 * size);
    assertEquals(hex(await derive(b, a)), secret);
    assertEquals(hex(await derive(a, b, 8 * size)), secret);
    assertEquals(hex(await derive(a, b, 128)), secret.slice(0, 32));
    const odd = new Uint8Array(await derive(a, b, 13));
    assertEquals([odd.length, odd[1] & 7], [2, 0]);
    await assertRejects('OperationError', derive(a, b, 8 * size + 8));
    const key = await subtle.deriveKey(
      { name: 'ECDH', public: b.publicKey },
      a.privateKey,
      { name: 'AES-GCM', length: 256 },
      true,
      ['encrypt'],
    );
    assertEquals(hex(await subtle.exportKey('raw', key)), secret.slice(0, 64));
  }
});

test('ECDH: both keys must be what they should be', async () => {
  const make = (name, namedCurve, usages) => subtle.generateKey({ name, namedCurve }, false, usages);
  const own = await make('ECDH', 'P-256', ['deriveBits']);
  const longer = await make('ECDH', 'P-384', ['deriveBits']);
  const signer = await make('ECDSA', 'P-256', ['sign', 'verify']);
  const derive = (other, key = own.privateKey) => subtle.deriveBits({ name: 'ECDH', public: other }, key, 8);
  await assertRejects('InvalidAccessError', derive(longer.publicKey));
  await assertRejects('InvalidAccessError', derive(own.privateKey));
  await assertRejects('InvalidAccessError', derive(signer.publicKey));
  await assertRejects('InvalidAccessError', derive(own.publicKey, own.publicKey));
  await assertRejects('InvalidAccessError', derive(own.publicKey, signer.privateKey));
  await assertRejects(TypeError, derive(undefined));
  await assertRejects(TypeError, derive({ type: 'public' }));
});

// Ed25519

test('Ed25519: test 1 and test 3 of RFC 8032', async () => {
  const vectors = [
    [
      '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
      'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      'af82',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    ],
  ];
  for (const [seed, open, message, expected] of vectors) {
    const privateKey = await subtle.importKey(
      'pkcs8',
      unhex(`302e020100300506032b657004220420${seed}`),
      'Ed25519',
      true,
      ['sign'],
    );
    const signature = await subtle.sign('Ed25519', privateKey, unhex(message));
    assertEquals(hex(signature), expected);
    const publicKey = await subtle.importKey('raw', unhex(open), { name: 'ed25519' }, true, ['verify']);
    assertEquals(publicKey.algorithm, { name: 'Ed25519' });
    assertEquals(await subtle.verify('Ed25519', publicKey, signature, unhex(message)), true);
    assertEquals(await subtle.verify('Ed25519', publicKey, signature, utf8('x')), false);
    assertEquals(await subtle.verify('Ed25519', publicKey, signature.slice(1), unhex(message)), false);
    assertEquals((await subtle.exportKey('jwk', privateKey)).x, (await subtle.exportKey('jwk', publicKey)).x);
  }
});

test('Ed25519: points of small order verify nothing', async () => {
  // RFC 8032 knows eight; for these, a signature of the neutral point and zeros would do for one message in four, or all.
  const points = [
    '01' + '00'.repeat(31),
    'ec' + 'ff'.repeat(30) + '7f',
    '00'.repeat(32),
    '00'.repeat(31) + '80',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  ];
  for (const point of points) {
    const key = await subtle.importKey('raw', unhex(point), 'Ed25519', true, ['verify']);
    for (let i = 0; i < 16; i++) {
      assertEquals(await subtle.verify('Ed25519', key, unhex('01' + '00'.repeat(63)), Uint8Array.of(i)), false, point);
    }
  }
});

// X25519

test('X25519: RFC 7748 section 6.1', async () => {
  const alice = '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a';
  const bob = '5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb';
  const shared = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
  const a = await subtle.importKey('pkcs8', unhex(`302e020100300506032b656e04220420${bob}`), 'X25519', true, [
    'deriveBits',
  ]);
  const b = await subtle.importKey('raw', unhex(alice), 'X25519', true, []);
  assertEquals(hex(await subtle.deriveBits({ name: 'X25519', public: b }, a, 256)), shared);
});

test('Ed25519 and X25519: every format brings the same key back', async () => {
  for (const [name, publicUsages, privateUsages] of [
    ['Ed25519', ['verify'], ['sign']],
    ['X25519', [], ['deriveBits']],
  ]) {
    const { publicKey, privateKey } = await subtle.generateKey(name, true, [...publicUsages, ...privateUsages]);
    assertEquals([publicKey.usages, privateKey.usages], [publicUsages, privateUsages]);
    const open = hex(await subtle.exportKey('raw', publicKey));
    assertEquals(open.length, 64);
    for (const format of ['raw', 'spki', 'jwk']) {
      const key = await subtle.importKey(format, await subtle.exportKey(format, publicKey), name, true, publicUsages);
      assertEquals(hex(await subtle.exportKey('raw', key)), open, format);
    }
    const pkcs8 = hex(await subtle.exportKey('pkcs8', privateKey));
    for (const format of ['pkcs8', 'jwk']) {
      const key = await subtle.importKey(format, await subtle.exportKey(format, privateKey), name, true, privateUsages);
      assertEquals(hex(await subtle.exportKey('pkcs8', key)), pkcs8, format);
    }
    const jwk = await subtle.exportKey('jwk', privateKey);
    assertEquals([jwk.kty, jwk.crv, 'alg' in jwk ? jwk.alg : name], ['OKP', name, name]);
    const take = (changes, usages = privateUsages) =>
      subtle.importKey('jwk', { ...jwk, ...changes }, name, true, usages);
    const elsewhere = (
      await subtle.exportKey(
        'jwk',
        (await subtle.generateKey(name, true, [...publicUsages, ...privateUsages])).publicKey,
      )
    ).x;
    for (const changes of [
      { kty: 'EC' },
      { crv: 'Ed448' },
      { x: undefined },
      { x: 'AA' },
      { x: elsewhere },
      { d: 'AA' },
      { ext: false },
      { key_ops: [] },
      { use: name === 'Ed25519' ? 'enc' : 'sig' },
    ]) {
      await assertRejects('DataError', take(changes));
    }
    if (name === 'Ed25519') {
      await take({ alg: 'EdDSA' });
      await assertRejects('DataError', take({ alg: 'ES256' }));
    }
    await assertRejects('SyntaxError', take({}, ['encrypt']));
    await assertRejects('SyntaxError', take({}, []));
    await assertRejects('DataError', subtle.importKey('raw', new Uint8Array(31), name, true, publicUsages));
    await assertRejects('DataError', subtle.importKey('spki', new Uint8Array(44), name, true, publicUsages));
    await assertRejects('InvalidAccessError', subtle.exportKey('raw', privateKey));
    await assertRejects('InvalidAccessError', subtle.exportKey('pkcs8', publicKey));
  }
});

test('X25519: both sides agree; a point of small order is refused', async () => {
  const make = () => subtle.generateKey('X25519', false, ['deriveBits']);
  const [a, b] = [await make(), await make()];
  const derive = (own, other, length = null) =>
    subtle.deriveBits({ name: 'X25519', public: other.publicKey }, own.privateKey, length);
  const secret = hex(await derive(a, b));
  assertEquals([secret.length, hex(await derive(b, a))], [64, secret]);
  assertEquals(hex(await derive(a, b, 64)), secret.slice(0, 16));
  await assertRejects('OperationError', derive(a, b, 264));
  const zero = { publicKey: await subtle.importKey('raw', new Uint8Array(32), 'X25519', true, []) };
  await assertRejects('OperationError', derive(a, zero));
});

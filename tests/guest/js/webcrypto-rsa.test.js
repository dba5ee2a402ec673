// https://w3c.github.io/webcrypto/#rsassa-pkcs1, #rsa-pss, #rsa-oaep
import { assert, assertEquals, assertRejects, test } from './harness.js';
import { HASHES, hex, subtle, text, utf8 } from './webcrypto-support.js';

const F4 = new Uint8Array([1, 0, 1]);
const NAMES = {
  'RSASSA-PKCS1-v1_5': ['sign', 'verify'],
  'RSA-PSS': ['sign', 'verify'],
  'RSA-OAEP': ['encrypt', 'decrypt'],
};
const JWK_NAMES = {
  'RSASSA-PKCS1-v1_5': ['RS1', 'RS256', 'RS384', 'RS512'],
  'RSA-PSS': ['PS1', 'PS256', 'PS384', 'PS512'],
  'RSA-OAEP': ['RSA-OAEP', 'RSA-OAEP-256', 'RSA-OAEP-384', 'RSA-OAEP-512'],
};

const made = subtle.generateKey({ name: 'RSA-PSS', modulusLength: 2048, publicExponent: F4, hash: 'SHA-256' }, true, [
  'sign',
  'verify',
]);

/** The same key pair for another algorithm. */
async function pairFor(name, hash, extractable = true) {
  const { publicKey, privateKey } = await made;
  const usages = NAMES[name];
  const [own, open] = usages[0] === 'sign' ? ['sign', 'verify'] : ['decrypt', 'encrypt'];
  const spki = await subtle.exportKey('spki', publicKey);
  const pkcs8 = await subtle.exportKey('pkcs8', privateKey);
  return {
    publicKey: await subtle.importKey('spki', spki, { name, hash }, true, [open]),
    privateKey: await subtle.importKey('pkcs8', pkcs8, { name, hash }, extractable, [own]),
  };
}

test('generateKey: a pair, with what was asked for', async () => {
  const { publicKey, privateKey } = await made;
  assertEquals([publicKey.type, publicKey.extractable, publicKey.usages], ['public', true, ['verify']]);
  assertEquals([privateKey.type, privateKey.extractable, privateKey.usages], ['private', true, ['sign']]);
  for (const { algorithm } of [publicKey, privateKey]) {
    assertEquals([algorithm.name, algorithm.modulusLength, algorithm.hash.name], ['RSA-PSS', 2048, 'SHA-256']);
    assert(algorithm.publicExponent instanceof Uint8Array);
    assertEquals(hex(algorithm.publicExponent), '010001');
  }
  assertEquals(privateKey.algorithm, privateKey.algorithm);
});

test('generateKey: what cannot be', async () => {
  const make = (changes, usages = ['sign', 'verify']) =>
    subtle.generateKey(
      { name: 'RSA-PSS', modulusLength: 2048, publicExponent: F4, hash: 'SHA-256', ...changes },
      true,
      usages,
    );
  await assertRejects('OperationError', make({ publicExponent: new Uint8Array([2]) }));
  await assertRejects('OperationError', make({ publicExponent: new Uint8Array(0) }));
  await assertRejects('OperationError', make({ modulusLength: 0 }));
  await assertRejects('SyntaxError', make({}, ['encrypt']));
  await assertRejects('SyntaxError', make({}, ['verify', 'deriveKey']));
  await assertRejects('NotSupportedError', make({ hash: 'MD5' }));
  for (const missing of ['modulusLength', 'publicExponent', 'hash'])
    await assertRejects(TypeError, make({ [missing]: undefined }));
  await assertRejects(TypeError, make({ publicExponent: [1, 0, 1] }));
  await assertRejects(TypeError, make({ modulusLength: -1 }));
});

test('signatures: every hash, and only the right key, data and salt', async () => {
  for (const name of ['RSASSA-PKCS1-v1_5', 'RSA-PSS']) {
    for (const hash of HASHES) {
      const { publicKey, privateKey } = await pairFor(name, hash);
      const algorithm = { name, saltLength: 20 };
      const signature = await subtle.sign(algorithm, privateKey, utf8('text'));
      assertEquals(signature.byteLength, 256);
      const verify = (sig = signature, data = 'text', changes = {}) =>
        subtle.verify({ ...algorithm, ...changes }, publicKey, sig, utf8(data));
      assertEquals(await verify(), true);
      assertEquals(await verify(signature, 'test'), false);
      assertEquals(await verify(signature.slice(1)), false);
      assertEquals(await verify(new Uint8Array(256)), false);
      assertEquals(await verify(new Uint8Array(0)), false);
      if (name === 'RSA-PSS') {
        assertEquals(await verify(signature, 'text', { saltLength: 21 }), false);
        assertEquals(await verify(signature, 'text', { saltLength: 100000 }), false);
        assert(hex(await subtle.sign(algorithm, privateKey, utf8('text'))) !== hex(signature), 'a salt at random');
      } else {
        assertEquals(hex(await subtle.sign(algorithm, privateKey, utf8('text'))), hex(signature));
      }
      await assertRejects('InvalidAccessError', subtle.sign(algorithm, publicKey, utf8('text')));
      await assertRejects('InvalidAccessError', subtle.verify(algorithm, privateKey, signature, utf8('text')));
    }
  }
  const { privateKey } = await pairFor('RSA-PSS', 'SHA-256');
  await assertRejects('OperationError', subtle.sign({ name: 'RSA-PSS', saltLength: 2048 }, privateKey, utf8('')));
  await assertRejects(TypeError, subtle.sign('RSA-PSS', privateKey, utf8('')));
});

test('RSA-OAEP: every hash, with and without a label', async () => {
  for (const hash of HASHES) {
    const { publicKey, privateKey } = await pairFor('RSA-OAEP', hash);
    for (const label of [undefined, utf8(''), utf8('label')]) {
      const sealed = await subtle.encrypt({ name: 'RSA-OAEP', label }, publicKey, utf8('text'));
      assertEquals(sealed.byteLength, 256);
      assertEquals(text(await subtle.decrypt({ name: 'RSA-OAEP', label }, privateKey, sealed)), 'text');
      await assertRejects('OperationError', subtle.decrypt({ name: 'RSA-OAEP', label: utf8('x') }, privateKey, sealed));
      await assertRejects('OperationError', subtle.decrypt({ name: 'RSA-OAEP', label }, privateKey, sealed.slice(1)));
    }
    await assertRejects('OperationError', subtle.encrypt('RSA-OAEP', publicKey, new Uint8Array(250)));
    await assertRejects('InvalidAccessError', subtle.decrypt('RSA-OAEP', publicKey, new Uint8Array(256)));
    await assertRejects('InvalidAccessError', subtle.encrypt('RSA-OAEP', privateKey, utf8('')));
  }
});

test('every format brings the same key back', async () => {
  for (const name of Object.keys(NAMES)) {
    for (const [index, hash] of HASHES.entries()) {
      const { publicKey, privateKey } = await pairFor(name, hash);
      const open = await subtle.exportKey('jwk', publicKey);
      const own = await subtle.exportKey('jwk', privateKey);
      assertEquals(Object.keys(open).toSorted(), ['alg', 'e', 'ext', 'key_ops', 'kty', 'n']);
      assertEquals(Object.keys(own).toSorted(), [
        'alg',
        'd',
        'dp',
        'dq',
        'e',
        'ext',
        'key_ops',
        'kty',
        'n',
        'p',
        'q',
        'qi',
      ]);
      assertEquals(
        [open.kty, open.e, open.alg, own.alg],
        ['RSA', 'AQAB', JWK_NAMES[name][index], JWK_NAMES[name][index]],
      );
      assertEquals([open.key_ops, own.key_ops], [publicKey.usages, privateKey.usages]);
      const a = await subtle.importKey('jwk', open, { name, hash }, true, publicKey.usages);
      const b = await subtle.importKey('jwk', own, { name, hash }, true, privateKey.usages);
      assertEquals(hex(await subtle.exportKey('spki', a)), hex(await subtle.exportKey('spki', publicKey)));
      assertEquals(hex(await subtle.exportKey('pkcs8', b)), hex(await subtle.exportKey('pkcs8', privateKey)));
      await assertRejects(
        'DataError',
        subtle.importKey('jwk', { ...open, alg: 'ES256' }, { name, hash }, true, publicKey.usages),
      );
      await assertRejects(
        'DataError',
        subtle.importKey(
          'jwk',
          { ...open, alg: JWK_NAMES[name][(index + 1) % 4] },
          { name, hash },
          true,
          publicKey.usages,
        ),
      );
    }
  }
});

test('what is no key is refused', async () => {
  const name = 'RSASSA-PKCS1-v1_5';
  const { publicKey, privateKey } = await pairFor(name, 'SHA-256');
  const take = (format, data, usages) => subtle.importKey(format, data, { name, hash: 'SHA-256' }, true, usages);
  const spki = new Uint8Array(await subtle.exportKey('spki', publicKey));
  const pkcs8 = new Uint8Array(await subtle.exportKey('pkcs8', privateKey));
  await assertRejects('DataError', take('spki', pkcs8, ['verify']));
  await assertRejects('DataError', take('pkcs8', spki, ['sign']));
  await assertRejects('DataError', take('spki', spki.slice(0, -1), ['verify']));
  await assertRejects('DataError', take('pkcs8', pkcs8.slice(0, 500), ['sign']));
  await assertRejects('DataError', take('pkcs8', pkcs8.slice(26), ['sign'])); // PKCS #1
  await assertRejects('DataError', take('spki', new Uint8Array(0), ['verify']));
  const elliptic = await subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  await assertRejects('DataError', take('spki', await subtle.exportKey('spki', elliptic.publicKey), ['verify']));
  await assertRejects('DataError', take('pkcs8', await subtle.exportKey('pkcs8', elliptic.privateKey), ['sign']));
  const jwk = await subtle.exportKey('jwk', privateKey);
  const { n, e } = jwk;
  for (const changes of [
    { kty: 'oct' },
    { n: undefined },
    { e: undefined },
    { n: '' },
    { p: undefined },
    { qi: undefined },
    { d: e },
    { dp: e },
    { dq: e },
    { qi: e },
    { q: e },
    { p: n, q: 'AQ' },
    { n: 'AQAB' },
    { use: 'enc' },
    { ext: false },
    { key_ops: ['verify'] },
  ]) {
    await assertRejects('DataError', take('jwk', { ...jwk, ...changes }, ['sign']));
  }
  await assertRejects('NotSupportedError', take('jwk', { ...jwk, oth: [] }, ['sign']));
  await assertRejects('NotSupportedError', take('raw', spki, ['verify']));
  await assertRejects('SyntaxError', take('jwk', jwk, ['verify']));
  await assertRejects('SyntaxError', take('spki', spki, ['sign']));
  await assertRejects('SyntaxError', take('pkcs8', pkcs8, ['verify']));
  await assertRejects('SyntaxError', take('pkcs8', pkcs8, []));
  await take('spki', spki, []);
  await assertRejects('InvalidAccessError', subtle.exportKey('spki', privateKey));
  await assertRejects('InvalidAccessError', subtle.exportKey('pkcs8', publicKey));
  await assertRejects('NotSupportedError', subtle.exportKey('raw', publicKey));
});

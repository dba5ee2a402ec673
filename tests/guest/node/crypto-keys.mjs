import crypto from 'node:crypto';
import { promisify } from 'node:util';

const say = (label, make) => {
  let value;
  try {
    value = make();
  } catch (error) {
    value = `${error.name} ${error.code} ${error.message}`;
  }
  console.log(`${label}: ${JSON.stringify(value)}`);
};
const text = Buffer.from('text');
// Keys of nobody, and what Node has made with them.
const rsa = `-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCb1TZ/7ELlzcfs
fmAiP3go4mRx+bHMlP/EVNewPxCEv/CNGgQ2fOiWy8S2d/uYvwQnItmDX5g+0qsg
82GstBwMaoV6tTWfao6vNnGb3vvbdlHcqM9mn98hyDDso/hKmsV7UCz9Y8Rf985I
l8n8MBkNK3bvext0dq3TMFUnaVMcll+4IU3wiEOLcSOJvdsEHm5SSJlLEK8WdIxY
RMyP7KW5ZaVuCbU8Kcu/5U3hHLzqUHa0DQaQ+SLiQHOfgmM+r02GvaNdDj655qgJ
JUfBkQXkaqGE8Up24rlyQgTDvtXzHnKwPR9MCVOi64xH6/JA+cJT8LnJmuSkCfV+
LLINjLgBAgMBAAECggEABn8A4pxKvaGyb91kzIiwzaOCZG3wR4L+loSi6Sn32lDW
CkvHWS4j1AVykdi2mEt+NNNzFdLqWdQWZi0/KR/o+2uFXPQo5BhhElTGr6TAAwoP
p48x9ik7+ACMaZD8TL/e86EH/xglm4qNAuGw/d5TbQUe1CThpB0+acteAWKWoF5j
tfdERHyhBM9pdULtf35LeIDa5xGzpTCDpSbVJP2d2Jp8pQ2kLsKmKvfmT6h97xD3
l3eXpnkHO1hGr6nFuZII2StpQQmzLS0FA1v4waVDf/RAimBAa+xfolCwahKA+xmg
zgJbhoKOnMz9aLTcqtMvKHqjvB8segSmFaTREvVKQQKBgQDV9p64i8z6bUxaF0Vo
EJlV2KlhGudS1+lequMh3thoRtGP557oJiE8GrzI5lBikXsQXaGVlNMHVRG9oNKo
5GcSzOh5jgxUTNoSKKC5Xwgw+kGj24aOJxiIvwFiohC1PTzuGJL5R9I2PwJcq9N9
zKtRa1mpv7xm9LnP0a7k2rTNdQKBgQC6cuTzfuKAFLugJ3iQtbHLwA6YhfAiQGce
J1b07Aqakag1DYMMZHrLFuiuQEBlogagZL078TcwgZv3l/GQzz9hyA0opGBZeiY+
ImSvl5G4UIImpTg/ezGuYwLoVqF5BFkX7fN4BSUEtmhqq//2i48ZO6GJmGbeRqI4
8w9Zxqyy3QKBgH/OV9LulxtDrGboHapit+UCjXKWqnTeyeSleRUjUus+2jD2bwJG
vHV1lyz9/ihStEr7UujRxBhOJVG7PfpqrHMbeQYa5px4Z46PPCpebLss0Ya6O66w
BcSxK3eqTQaltL6YaTqEPznt+1A1xxgO6Iqy8BUolbZ+GnvbyXekeHl9AoGAYfOG
cJ3SZLN/tq3F21B5La+ie2KyO2xWQDMurdFr6LRpCCYnGNWY5SUN7K14p2wtywnh
mKIq+mK9C6BZmlgm1joBH77rl1ZizPXIq68XMRuqpJ7cJA2WliUSG/mXLzqni7jI
1d7uCcHCrXfbKy06amk3flAAivnUs9KN1/5WMEkCgYEAgw2wFV+MfSlLlK57D3pS
17W7HaFH5+kolrZPmPz6CJnPX5ofgXXanAOh9MpJUjI4r259RUQSlBeQDNhAqdvW
O0R+R1M+qT7W3X9AxcmHlsYCHrpmW+w8rmaULwNZmibegm/ZH7MnyWVPWH1Bp623
QAkhtFo8jFbzKreUXCC5iR0=
-----END PRIVATE KEY-----
`;
const ec = `-----BEGIN EC PRIVATE KEY-----
MHcCAQEEINAaBW5AMEi+5OenlwjATM/9z0rsIrT93vEizX1+GKr3oAoGCCqGSM49
AwEHoUQDQgAEcd0l3aCD1l4I7JWc4g0b9vzGrmVht2eDnayHEPq0DmFgV/7IRrps
V+tKf5bapGf9DRm0ZjhjiBKl2FivI8Js8A==
-----END EC PRIVATE KEY-----
`;
const k1 = `-----BEGIN PRIVATE KEY-----
MIGEAgEAMBAGByqGSM49AgEGBSuBBAAKBG0wawIBAQQguXnrJhFb26LqZYOJw8Hl
aXnoIPR21TWmfNjI0s9PREGhRANCAAQhDNYcX3kNdqvdxhf+XlDMQLzUyv+ptNX4
a2hSKEK1W/YpwK2nUg9IaIIPjtPXlb1o81x2pduDnMNXqvnme6zE
-----END PRIVATE KEY-----
`;
const ed = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIGGBcO+6CENN3G3RwS9xUSJMi6H8gSWog5sPOSzRxnB7
-----END PRIVATE KEY-----
`;
const encrypted = `-----BEGIN ENCRYPTED PRIVATE KEY-----
MIH0MF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAkBBAlxl0qbvUO/A1iQPDB
+vl4AgIIADAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQ+wzqEiBZOf4dr47o
VRHBYgSBkLxTGqSbXwkvg+5s+sx08fwwxojUnIxdpoVfC+ogSPD810NliectNXY6
Jf9FByFkPS1XXFershCUsMJoQ08NVkdP/0vLUxQoY1mLtHrRmUo8Lo904C3ZWICO
5mZuNzEjPESvwggNnKJCBrFJb0CY7iz9bVSegXsT8hHz1fc8Rk49nMJ4BIWKgxJ/
TFTLs4wNVg==
-----END ENCRYPTED PRIVATE KEY-----
`;
const legacy = `-----BEGIN EC PRIVATE KEY-----
Proc-Type: 4,ENCRYPTED
DEK-Info: AES-128-CBC,EE02D1BF10DEEAC0639CE5E4B6300E23

/MBp3jVlLTThfFZOgwZFYzSHwDw9RM376OMfdHZqCw6yj1hpJSMZ/i8ax3LnsOj1
E2CGW1ryealyfcNu3nX2/qaZhHEFJyPcwYY9rX+iZH5uPf/Dz1pBONCI38e3mBQI
qPE7OqIZTzzuFgenJIZ6PSrWP4y1WiLllCY05LGWdUM=
-----END EC PRIVATE KEY-----
`;
const ecSignature = `MEYCIQDRLw7K0mXsJjU9vyF5x7ccpt2Pz9ARXZ0hxRWGQyz/1wIhAMUlDR+JoUatF8eTx7rHHr0hajw2R/68JmhZIVeQcoKA`;
const pss = `It4Me1wIqogJI39FE+nP9hd2OSpA9B5tFKK57Tth3u61v9jZu5x3URm9zPeJBq9dCBZ61VGTjsTSAaMYfhZ6wdINDQSpGQ3ystyTGePJg0tHqkTySsTMI+8Txkn1E0naG/eKOmuU4i6oq/2RU7aVBMc3iyutFUOBRvRhRnBELwsF7C4zH+KalX4BXK6k8aRnipdDUKkSrpOAsST3xKl4A90lPMMc4Cy9nD36BvErKaM6Sc/J6N1Uo8KElvEPk7We4908y6HGg+xDQ9K+juivR3/yvsQ3Cava/xpK/dXieXIIYfxpNJqzDtbfHHlmbpc12TCgmbeukNM2pgNHaH24Vg==`;
const oaep = `eXw8oERJpYfVxZxr9pPPmtY9v9/ax9BvkpSfxVsBUh8kbqwCfgErCYJuhRGuXA+OM6YQ68iOSKovYd6oXzMeCkUGryfBGCoBsoh6MIsqSG2VmY7nKOp8plP/CJ0OL+RtPodaGmHjNHY+DfZaf7ALlCa/GlMOAlBkOX5BuWJGH4KRhwMqsUp37X8C73Qu/iKbskLA+R/TzEKPtWW36vCzzMNiFAzfzTQCA0qX2o0XPKlHZoKc2ixhS+r4j0WwCnWZFTRMDphG4r3NHddmfEgwugS1NQcFqz7mF3RjlNLTklMajRkD8HQRvP7cmgTyJxAZg1zWCxFkS08bn5JLCtG0og==`;
const pkcs1 = `k7XRYOXogTMgfBChuFv8JZNnjVPYSz22gtEnjf45bNkpdCV9R5eFYJVIlvRHKqL9drznTzv5jSxwJFbNxcFHcYkDOpiZ+9PQdjZ0wxBO9xAdo5M0auOlTX2UnOZAkft2gT4yadzdMaTUuVbu7DmuD5gFEau2a5bl+KBDa2FNjAtDiC1DNBvYvbEApYzB9fbl0x/tvnIxtWb6zZ8o2JUSc9k9+7IH7hqoewt9Tk1cPAQ/ZyWbykNfAHqXnP8tM+B3oQ6sGMJHuqWkUAlwKe19Nerglxs8vgIgY1/+aUorZTtDongGhqBM8sTVjVyvUloS52tEO99vlehrwNGzcCxPbw==`;

const { createPrivateKey, createPublicKey, createSecretKey, KeyObject } = crypto;
const privateKeys = { rsa, ec, k1, ed };

// Keys in every form, and back
for (const name in privateKeys) {
  const key = createPrivateKey(privateKeys[name]);
  const open = createPublicKey(key);
  say(`${name} is`, () => [
    [key.type, key.asymmetricKeyType, open.type, open.asymmetricKeyType, String(key), key instanceof KeyObject],
    { ...key.asymmetricKeyDetails, publicExponent: String(key.asymmetricKeyDetails.publicExponent) },
  ]);
  for (const type of ['pkcs8', 'pkcs1', 'sec1']) {
    say(`${name} ${type}`, () => {
      const der = key.export({ type, format: 'der' });
      const pem = key.export({ type, format: 'pem' });
      const again = [createPrivateKey({ key: der, format: 'der', type }), createPrivateKey(pem)];
      return [der.toString('base64'), pem, again.every((other) => other.equals(key))];
    });
  }
  for (const type of ['spki', 'pkcs1']) {
    say(`${name} public ${type}`, () => {
      const der = open.export({ type, format: 'der' });
      const pem = open.export({ type, format: 'pem' });
      const again = [createPublicKey({ key: der, format: 'der', type }), createPublicKey(Buffer.from(pem))];
      return [der.toString('hex'), pem, again.every((other) => other.equals(open))];
    });
  }
  say(`${name} jwk`, () => {
    const [jwk, openJwk] = [key.export({ format: 'jwk' }), open.export({ format: 'jwk' })];
    const again = createPrivateKey({ key: jwk, format: 'jwk' });
    const openAgain = [createPublicKey({ key: openJwk, format: 'jwk' }), createPublicKey({ key: jwk, format: 'jwk' })];
    return [jwk, openJwk, again.equals(key), openAgain.every((other) => other.equals(open)), again.equals(open)];
  });
}
console.log('inspected', createPrivateKey(ec), createPublicKey(ec), createSecretKey('a', 'utf8'), [
  createPublicKey(ed),
]);
say('a public key of private PEM', () => createPublicKey(ec).export({ format: 'jwk' }));
say('encrypted', () => [
  createPrivateKey({ key: encrypted, passphrase: 'secret' }).equals(createPrivateKey(ec)),
  createPrivateKey({ key: legacy, passphrase: 'secret' }).equals(createPrivateKey(ec)),
  createPrivateKey({
    key: createPrivateKey(ec).export({ format: 'pem', type: 'pkcs8', cipher: 'aes-128-cbc', passphrase: 'other' }),
    passphrase: Buffer.from('other'),
  }).equals(createPrivateKey(ec)),
]);
say('encrypted, without its passphrase', () => createPrivateKey(encrypted));
say('encrypted, with another passphrase', () => createPrivateKey({ key: encrypted, passphrase: 'x' }) && 1);
for (const bad of ['', 'text', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n', Buffer.alloc(5)]) {
  say(`no key ${bad.length}`, () => createPrivateKey(bad));
}
say('no key of a number', () => createPrivateKey(5));
const fails = (make) => {
  try {
    make();
    return false;
  } catch (error) {
    return error instanceof Error;
  }
};
for (const [name, type] of [
  ['rsa', 'pkcs1'],
  ['ec', 'sec1'],
  ['k1', 'pkcs8'],
  ['ed', 'pkcs8'],
]) {
  say(`cut off ${name}`, () => {
    const der = createPrivateKey(privateKeys[name]).export({ type, format: 'der' });
    const cuts = Array.from({ length: Math.min(der.length, 120) }, (_, length) => der.subarray(0, length));
    return cuts.every((key) => fails(() => createPrivateKey({ key, format: 'der', type })));
  });
}
say('cut off encrypted', () => {
  const options = { type: 'pkcs8', format: 'der', cipher: 'aes-256-cbc', passphrase: 'x' };
  const der = createPrivateKey(ec).export(options);
  const cuts = Array.from({ length: der.length }, (_, length) => der.subarray(0, length));
  return cuts.every((key) => fails(() => createPrivateKey({ ...options, key })));
});
say('a private key of a public one', () =>
  createPrivateKey(createPublicKey(ec).export({ type: 'spki', format: 'pem' })),
);
say('a public key of a public one', () => createPublicKey(createPublicKey(ec)));
say('jwk without y', () => createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: 'AA' }, format: 'jwk' }));
say('export without a format', () => createPublicKey(ec).export({ type: 'spki' }));
say('export without a type', () => createPrivateKey(ec).export({ format: 'pem' }));
say('export of a secret', () => {
  const key = createSecretKey('616263', 'hex');
  return [
    key.type,
    key.symmetricKeySize,
    key.export().toString(),
    key.export({ format: 'jwk' }),
    key.equals(createSecretKey('abc', 'utf8')),
  ];
});

// Signatures
const open = Object.fromEntries(Object.entries(privateKeys).map(([name, key]) => [name, createPublicKey(key)]));
for (const hash of ['sha1', 'RSA-SHA256', 'sha384', 'SHA512']) {
  say(`rsa ${hash}`, () => {
    const signature = crypto.createSign(hash).update('te').update('xt').sign(rsa, 'base64');
    const alike = crypto.sign(hash, text, createPrivateKey(rsa)).toString('base64') === signature;
    return [signature, alike, crypto.createVerify(hash).update(text).verify(open.rsa, signature, 'base64')];
  });
  for (const saltLength of [undefined, 0, 20, -1, -2]) {
    say(`pss ${hash} ${saltLength}`, () => {
      const padding = crypto.constants.RSA_PKCS1_PSS_PADDING;
      const signature = crypto.sign(hash, text, { key: rsa, padding, saltLength });
      const verify = (more, data = text) => crypto.verify(hash, data, { key: open.rsa, padding, ...more }, signature);
      return [
        signature.length,
        verify({ saltLength }),
        verify({}),
        verify({ saltLength: 7 }),
        verify({}, Buffer.from('x')),
      ];
    });
  }
  for (const name of ['ec', 'k1']) {
    for (const dsaEncoding of ['der', 'ieee-p1363']) {
      say(`${name} ${hash} ${dsaEncoding}`, () => {
        const signature = crypto.createSign(hash).update(text).sign({ key: privateKeys[name], dsaEncoding });
        const verify = (data, more) => crypto.verify(hash, data, { key: open[name], dsaEncoding, ...more }, signature);
        return [
          verify(text),
          verify(Buffer.from('x')),
          verify(text, { dsaEncoding: dsaEncoding === 'der' ? 'ieee-p1363' : 'der' }),
        ];
      });
    }
  }
}
say('what Node has signed', () => [
  crypto.verify('sha256', text, open.ec, Buffer.from(ecSignature, 'base64')),
  crypto.verify('sha256', text, { key: open.rsa, padding: 6 }, Buffer.from(pss, 'base64')),
  crypto.verify('sha256', text, { key: open.rsa, padding: 6, saltLength: 20 }, Buffer.from(pss, 'base64')),
  crypto.verify(null, text, open.ec, Buffer.from(ecSignature, 'base64')),
]);
say('ed25519', () => {
  const signature = crypto.sign(null, text, ed);
  return [
    signature.toString('hex'),
    crypto.verify(undefined, text, ed, signature),
    crypto.verify(null, text, open.ed, Buffer.alloc(64)),
  ];
});
say('no such hash', () => crypto.createSign('nope'));
say('no such hash at once', () => crypto.sign('nope', text, rsa));
say('no key to sign', () => crypto.createSign('sha256').update('x').sign());
say('a public key to sign', () => crypto.sign('sha256', text, open.rsa));
say('a secret key to sign', () => crypto.sign('sha256', text, createSecretKey(text)));
say('signed twice', () => {
  const state = crypto.createSign('sha256').update('x');
  state.sign(ec);
  return state.sign(ec);
});
say('a hash for ed25519', () => crypto.sign('sha256', text, ed));
await new Promise((resolve) => {
  crypto.sign('sha256', text, rsa, (error, signature) =>
    resolve(console.log('callback', error, signature.toString('hex'))),
  );
});

// Encryption
say('what Node has encrypted', () => [
  crypto
    .privateDecrypt({ key: rsa, oaepHash: 'sha256', oaepLabel: Buffer.from('l') }, Buffer.from(oaep, 'base64'))
    .toString(),
  crypto
    .privateDecrypt({ key: rsa, padding: crypto.constants.RSA_PKCS1_PADDING }, Buffer.from(pkcs1, 'base64'))
    .toString(),
]);
for (const options of [{}, { oaepHash: 'sha512' }, { padding: 1 }]) {
  say(`encrypted ${JSON.stringify(options)}`, () => {
    const data = crypto.publicEncrypt({ key: open.rsa, ...options }, text);
    return [data.length, crypto.privateDecrypt({ key: rsa, ...options }, data).toString()];
  });
}
say('encrypted with another label', () =>
  crypto.privateDecrypt({ key: rsa, oaepHash: 'sha256' }, Buffer.from(oaep, 'base64')),
);
say('too long to encrypt', () => crypto.publicEncrypt(open.rsa, Buffer.alloc(500)));

// Agreement
for (const curve of ['prime256v1', 'secp384r1', 'secp521r1', 'secp256k1']) {
  say(`ecdh ${curve}`, () => {
    const one = crypto.createECDH(curve);
    const other = crypto.createECDH(curve);
    one.setPrivateKey('0123456789abcdef', 'hex');
    other.generateKeys();
    const back = crypto.createECDH(curve);
    back.setPrivateKey(other.getPrivateKey());
    return [
      ...[undefined, 'compressed', 'hybrid'].map((format) => one.getPublicKey('hex', format)),
      one.getPrivateKey('hex'),
      one.computeSecret(other.getPublicKey(null, 'compressed')).equals(other.computeSecret(one.getPublicKey())),
      back.getPublicKey('hex') === other.getPublicKey('hex'),
      crypto.ECDH.convertKey(one.getPublicKey('hex', 'compressed'), curve, 'hex', 'hex', 'uncompressed') ===
        one.getPublicKey('hex'),
    ];
  });
}
say('no such curve', () => crypto.createECDH('nope'));
say('no such point', () => {
  const one = crypto.createECDH('prime256v1');
  one.generateKeys();
  return one.computeSecret(Buffer.alloc(65, 4));
});
say('no keys yet', () => crypto.createECDH('prime256v1').getPublicKey());
say('no private key of a curve', () => crypto.createECDH('prime256v1').setPrivateKey(Buffer.alloc(32)));

// Making keys
for (const [type, options] of [
  ['ec', { namedCurve: 'P-384' }],
  ['ed25519'],
  ['x25519'],
  ['rsa', { modulusLength: 2048 }],
]) {
  const pair = crypto.generateKeyPairSync(type, options);
  say(`made ${type}`, () => [
    pair.publicKey.asymmetricKeyType,
    pair.privateKey.type,
    createPublicKey(pair.privateKey).equals(pair.publicKey),
    pair.privateKey.asymmetricKeyDetails.namedCurve ?? pair.privateKey.asymmetricKeyDetails.modulusLength,
  ]);
  if (type === 'rsa') continue;
  const later = await promisify(crypto.generateKeyPair)(type, {
    ...options,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  const key = createPrivateKey({ key: later.privateKey, format: 'der', type: 'pkcs8' });
  say(`made ${type} later`, () => createPublicKey(key).equals(createPublicKey(later.publicKey)));
  if (type === 'ed25519') continue;
  const own = crypto.generateKeyPairSync(type, options);
  say(`agreed ${type}`, () =>
    crypto
      .diffieHellman({ privateKey: own.privateKey, publicKey: pair.publicKey })
      .equals(crypto.diffieHellman({ privateKey: pair.privateKey, publicKey: own.publicKey })),
  );
}
say('no such kind', () => crypto.generateKeyPairSync('nope'));
say('no curve', () => crypto.generateKeyPairSync('ec', { namedCurve: 'nope' }));
say('secret keys', () => [
  crypto.generateKeySync('hmac', { length: 129 }).symmetricKeySize,
  crypto.generateKeySync('aes', { length: 192 }).symmetricKeySize,
]);
say('no such secret key', () => crypto.generateKeySync('aes', { length: 100 }));

// WebCrypto's keys
const ours = await crypto.subtle.importKey(
  'jwk',
  open.ec.export({ format: 'jwk' }),
  { name: 'ECDSA', namedCurve: 'P-256' },
  true,
  ['verify'],
);
say('of a CryptoKey', () => [
  KeyObject.from(ours).equals(open.ec),
  crypto.verify('sha256', text, ours, Buffer.from(ecSignature, 'base64')),
]);
const theirs = open.rsa.toCryptoKey({ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, true, ['verify']);
const made = await crypto.subtle.verify('RSASSA-PKCS1-v1_5', theirs, crypto.sign('sha256', text, rsa), text);
console.log('to a CryptoKey', made, JSON.stringify(theirs.algorithm.hash), theirs.algorithm.modulusLength, [
  ...theirs.usages,
]);

// Wrong arguments
const { publicKey } = crypto.generateKeyPairSync('ed25519');
say('a public key for HMAC', () => crypto.createHmac('sha256', publicKey));
say('a number to verify with', () => crypto.createVerify('sha256').update('x').verify(5, 'x'));
say('X25519 to sign', () => crypto.sign(null, text, crypto.generateKeyPairSync('x25519').privateKey));
say('RSA of no length', () => crypto.generateKeyPairSync('rsa', {}));
say('EC of no options', () => crypto.generateKeyPairSync('ec'));
say('text to encrypt with', () => crypto.publicEncrypt('nope', text));
say('an agreement of nothing', () => crypto.diffieHellman({}));
say('a KeyObject of a number', () => KeyObject.from(5));
say('a KeyObject of nothing', () => new KeyObject('secret', {}));
say('DER of no type', () => createPrivateKey({ key: Buffer.alloc(3), format: 'der' }));
say('a format of its own', () => createPrivateKey({ key: ec, format: 'xml' }));
say('a signature that is none', () => crypto.verify('sha256', text, open.ec, Buffer.alloc(3)));
say('a secret without keys', () => crypto.createECDH('secp256k1').computeSecret(Buffer.alloc(3)));

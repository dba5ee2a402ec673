import crypto from 'node:crypto';
import { Readable } from 'node:stream';

const say = (label, make) => {
  let value;
  try {
    value = make();
  } catch (error) {
    value = `${error.name} ${error.code} ${error.message}`;
  }
  console.log(`${label}: ${JSON.stringify(value)}`);
};
const bytes = (length) => Buffer.from(Array.from({ length }, (_, index) => (index * 7 + 3) & 0xff));
const ivOf = (mode) => (mode === 'ecb' ? null : bytes(mode === 'gcm' ? 12 : 16));

for (const bits of [128, 192, 256]) {
  for (const mode of ['cbc', 'ctr', 'ecb', 'gcm']) {
    const name = `aes-${bits}-${mode}`;
    const key = bytes(bits / 8);
    for (const pieces of [[], [0], [1], [15, 1], [16], [17, 16, 15], [5, 5, 5, 5], [32, 100]]) {
      say(`${name} ${pieces}`, () => {
        const cipher = crypto.createCipheriv(name, key, ivOf(mode));
        const texts = pieces.map((length) => cipher.update(bytes(length)));
        const all = Buffer.concat([...texts, cipher.final()]);
        const decipher = crypto.createDecipheriv(name, key, ivOf(mode));
        if (mode === 'gcm') decipher.setAuthTag(cipher.getAuthTag());
        const back = [];
        for (let at = 0; at < all.length; at += 7) back.push(decipher.update(all.subarray(at, at + 7)));
        back.push(decipher.final());
        return [
          texts.map((text) => text.length),
          all.toString('hex'),
          mode === 'gcm' ? cipher.getAuthTag().toString('hex') : '',
          back.map((text) => text.length),
          Buffer.concat(back).equals(Buffer.concat(pieces.map(bytes))),
        ];
      });
    }
  }
}
const key = bytes(32);
for (const encoding of ['hex', 'base64', 'latin1', 'utf8']) {
  say(`encoded ${encoding}`, () => {
    const cipher = crypto.createCipheriv('aes-256-cbc', key, bytes(16));
    const text =
      cipher.update('gr\u00fc\u00dfe', 'utf8', 'base64') +
      cipher.update('00ff', 'hex', 'base64') +
      cipher.final('base64');
    const decipher = crypto.createDecipheriv('aes256', key, bytes(16));
    return [text, decipher.update(text, 'base64', encoding) + decipher.final(encoding)];
  });
}
say('counters come round', () => {
  const cipher = crypto.createCipheriv('aes-256-ctr', key, Buffer.alloc(16, 0xff));
  return [cipher.update(bytes(20)), cipher.update(bytes(20))].map((text) => text.toString('hex'));
});
for (const length of [8, 16, 60]) {
  for (const authTagLength of [undefined, 4, 12]) {
    say(`gcm ${length} ${authTagLength}`, () => {
      const cipher = crypto.createCipheriv('aes-256-gcm', key, bytes(length), { authTagLength });
      cipher.setAAD(Buffer.from('more'));
      const text = cipher.update('a text of more than a block') + cipher.final();
      return [text, cipher.getAuthTag().toString('hex')];
    });
  }
}
say('without padding', () => {
  const cipher = crypto.createCipheriv('aes-256-cbc', key, bytes(16)).setAutoPadding(false);
  const text = Buffer.concat([cipher.update(bytes(32)), cipher.final()]);
  const decipher = crypto.createDecipheriv('aes-256-cbc', key, bytes(16)).setAutoPadding(false);
  return [text.toString('hex'), decipher.update(text).length, decipher.final().length];
});
say('without padding, of no block', () => {
  const cipher = crypto.createCipheriv('aes-256-cbc', key, bytes(16)).setAutoPadding(false);
  cipher.update('x');
  return cipher.final();
});
for (const [label, text] of [
  ['bad padding', Buffer.alloc(16)],
  ['no block', Buffer.alloc(5)],
  ['nothing', Buffer.alloc(0)],
]) {
  say(label, () => {
    const decipher = crypto.createDecipheriv('aes-256-cbc', key, bytes(16));
    decipher.update(text);
    return decipher.final();
  });
}
const opened = (change) => {
  const cipher = crypto.createCipheriv('aes-256-gcm', key, bytes(12)).setAAD(Buffer.from('more'));
  const text = Buffer.concat([cipher.update('text'), cipher.final()]);
  const decipher = crypto.createDecipheriv('aes-256-gcm', key, bytes(12));
  change(decipher, text, cipher.getAuthTag());
  return decipher.update(text, undefined, 'utf8') + decipher.final('utf8');
};
say('authentic', () => opened((d, _text, tag) => d.setAAD(Buffer.from('more')).setAuthTag(tag)));
say('other data', () => opened((d, _text, tag) => d.setAAD(Buffer.from('less')).setAuthTag(tag)));
say('other text', () => opened((d, text, tag) => (text[0]++, d.setAAD(Buffer.from('more')).setAuthTag(tag))));
say('other tag', () => opened((d, _text, tag) => d.setAAD(Buffer.from('more')).setAuthTag(Buffer.alloc(tag.length))));
say('no tag', () => opened((d) => d.setAAD(Buffer.from('more'))));
say('a tag too short', () => opened((d, _text, tag) => d.setAuthTag(tag.subarray(3, 6))));
say('two tags', () => opened((d, _text, tag) => d.setAuthTag(tag).setAuthTag(tag)));
const cbc = () => crypto.createCipheriv('aes-256-cbc', key, bytes(16));
say('no such cipher', () => crypto.createCipheriv('nope', key, null));
say('a short key', () => crypto.createCipheriv('aes-256-cbc', bytes(31), bytes(16)));
say('a short iv', () => crypto.createCipheriv('aes-256-cbc', key, bytes(15)));
say('no iv', () => crypto.createCipheriv('aes-256-cbc', key, null));
say('no iv of gcm', () => crypto.createCipheriv('aes-256-gcm', key, Buffer.alloc(0)));
say('an iv of no bytes', () => crypto.createCipheriv('aes-256-cbc', key, 5));
say('update of a number', () => cbc().update(5));
say('no tag yet', () => crypto.createCipheriv('aes-256-gcm', key, bytes(12)).getAuthTag());
say('no tag of cbc', () => cbc().setAAD(bytes(3)));
for (const name of ['update', 'final', 'setAutoPadding']) {
  say(`${name} after final`, () => {
    const cipher = cbc();
    cipher.final();
    return cipher[name]('x') && 1;
  });
}
say('a key object', () => crypto.createCipheriv('aes-256-cbc', crypto.createSecretKey(key), bytes(16)).final('hex'));
say('a key as text', () => crypto.createCipheriv('aes-128-cbc', 'k'.repeat(16), 'i'.repeat(16)).final('hex'));
for (const name of [
  'aes-128-cbc',
  'AES-256-GCM',
  'aes192',
  'aes-256-ctr',
  'aes-128-ecb',
  'id-aes128-GCM',
  'nope',
  901,
]) {
  say(`about ${name}`, () => crypto.getCipherInfo(name));
}
say('names', () => ['aes-128-cbc', 'aes-256-gcm', 'aes256'].map((name) => crypto.getCiphers().includes(name)));
const streamed = [];
for await (const piece of Readable.from([bytes(100), bytes(50)]).pipe(cbc())) streamed.push(piece);
console.log('stream', Buffer.concat(streamed).toString('hex'));
const long = bytes(300_000);
say('long', () => {
  const cipher = crypto.createCipheriv('aes-256-gcm', key, bytes(12));
  const text = Buffer.concat([cipher.update(long), cipher.update(long), cipher.final()]);
  return [crypto.hash('sha256', text), cipher.getAuthTag().toString('hex')];
});

// Derivation
say('scrypt', () => [
  crypto.scryptSync('password', 'salt', 64).toString('hex'),
  crypto.scryptSync('password', 'salt', 32, { N: 1024, r: 8, p: 3 }).toString('hex'),
  crypto.scryptSync('', '', 16, { cost: 16, blockSize: 1, parallelization: 1 }).toString('hex'),
  crypto.scryptSync('p', 's', 0).length,
]);
say('scrypt of no power of two', () => crypto.scryptSync('p', 's', 8, { N: 1000 }));
say('scrypt of too much memory', () => crypto.scryptSync('p', 's', 8, { N: 1 << 16 }));
await new Promise((resolve) =>
  crypto.scrypt('p', 's', 8, { N: 2048 }, (error, key) => resolve(console.log('callback', error, key.toString('hex')))),
);
say('pbkdf2', () => crypto.pbkdf2Sync('password', 'salt', 100_000, 32, 'sha256').toString('hex'));
say('pbkdf2 of md5', () => crypto.pbkdf2Sync('password', 'salt', 3, 40, 'md5').toString('hex'));
say('pbkdf2 of no digest', () => crypto.pbkdf2Sync('password', 'salt', 3, 40, 'nope'));
say('hkdf of a key', () =>
  Buffer.from(crypto.hkdfSync('sha256', crypto.createSecretKey(key), 's', 'i', 20)).toString('hex'),
);

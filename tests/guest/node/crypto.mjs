import crypto, { createHash, createHmac, hash, randomBytes, randomInt, randomUUID, timingSafeEqual } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const say = (label, make) => {
  let value;
  try {
    value = make();
  } catch (error) {
    value = `${error.name} ${error.code}`;
  }
  console.log(`${label}: ${JSON.stringify(value)}`);
};
const long = Buffer.alloc(3 << 20, 'abc');
for (const name of ['md5', 'sha1', 'sha256', 'SHA384', 'sha512', 'RSA-SHA256', 'blake2b512']) {
  say(name, () => [
    createHash(name).update('').digest('hex'),
    createHash(name).update('a').update(Buffer.from('b')).digest('base64'),
    createHash(name).update(long).digest('hex'),
  ]);
  for (const key of ['', 'key', 'k'.repeat(63), 'k'.repeat(64), 'k'.repeat(65), 'k'.repeat(200)])
    say(`hmac ${name} ${key.length}`, () => createHmac(name, key).update('text').digest('hex'));
}
say('encodings', () => [
  createHash('sha256').update('616263', 'hex').digest('hex'),
  createHash('sha1').update('x').digest().length,
  createHash('sha1').update('x').digest('latin1').length,
  createHash('sha1').update('x').digest('base64url'),
]);
say('copy', () => {
  const first = createHash('sha256').update('a');
  const second = first.copy().update('b');
  return [first.digest('hex'), second.digest('hex')];
});
say('twice', () => {
  const state = createHash('sha256');
  state.digest();
  return state.digest();
});
say('after digest', () => {
  const state = createHash('sha256');
  state.digest();
  state.update('x');
});
say('unknown', () => createHash('nope') && 1);
say('update of a number', () => createHash('sha1').update(5));
say('hash', () => [
  hash('sha1', 'abc'),
  hash('sha1', 'abc', 'base64'),
  hash('sha1', Buffer.from('abc'), 'buffer').length,
]);
say('random', () => [
  randomBytes(16).length,
  randomBytes(8).equals(randomBytes(8)),
  /^[0-9a-f-]{36}$/.test(randomUUID()),
  Buffer.isBuffer(randomBytes(1)),
]);
say('randomBytes of text', () => randomBytes('5'));
say('randomBytes of too many', () => randomBytes(-1));
say('randomInt', () => [
  Array.from({ length: 50 }, () => randomInt(5)).every((n) => n >= 0 && n < 5),
  Array.from({ length: 50 }, () => randomInt(10, 12)).every((n) => n === 10 || n === 11),
]);
say('randomInt of nothing', () => randomInt(5, 5));
say('fill', () => {
  const b = Buffer.alloc(10);
  crypto.randomFillSync(b, 5);
  return [b.subarray(0, 5).toString('hex'), b.length, crypto.getRandomValues(new Uint8Array(4)).length];
});
say('timingSafeEqual', () => [
  timingSafeEqual(Buffer.from('a'), Buffer.from('a')),
  timingSafeEqual(Buffer.from('a'), Buffer.from('b')),
]);
say('timingSafeEqual of lengths', () => timingSafeEqual(Buffer.from('a'), Buffer.from('ab')));
say('key object', () => [
  crypto.createSecretKey(Buffer.from('k')).type,
  createHmac('sha256', crypto.createSecretKey(Buffer.from('k')))
    .update('x')
    .digest('hex'),
]);
say('names', () => [typeof crypto.webcrypto.subtle, crypto.getHashes().includes('sha256')]);
await new Promise((resolve) => randomBytes(4, (error, bytes) => resolve(console.log('callback', error, bytes.length))));
const streamed = createHash('sha256');
await pipeline(Readable.from([Buffer.from('a'), Buffer.from('b')]), streamed);
console.log('stream', streamed.read().toString('hex'));
for (const digest of ['sha1', 'sha256', 'sha512']) {
  say(`pbkdf2 ${digest}`, () => crypto.pbkdf2Sync('password', 'salt', 50, 70, digest).toString('hex'));
  say(`hkdf ${digest}`, () => [
    Buffer.from(crypto.hkdfSync(digest, 'key', 'salt', 'info', 70)).toString('hex'),
    Buffer.from(crypto.hkdfSync(digest, 'key', '', '', 10)).toString('hex'),
  ]);
}
say('pbkdf2 of no iterations', () => crypto.pbkdf2Sync('p', 's', 0, 10, 'sha1'));
say('hkdf of too much', () => crypto.hkdfSync('sha1', 'k', 's', 'i', 256 * 20));
await new Promise((resolve) =>
  crypto.pbkdf2('p', 's', 1, 8, 'sha256', (error, key) => resolve(console.log('callback', error, key.toString('hex')))),
);

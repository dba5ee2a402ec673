// node:zlib. How small compressed data are is the library's business, so a program looks at what comes back.
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import zlib from 'node:zlib';
import { promisify } from 'node:util';

const say = (label, make) => {
  let value;
  try {
    value = make();
  } catch (error) {
    value = `${error.name} ${error.code}`;
  }
  console.log(`${label}: ${JSON.stringify(value)}`);
};
const text = 'hello zlib '.repeat(2000);
for (const [code, decode] of [
  ['deflateSync', 'inflateSync'],
  ['gzipSync', 'gunzipSync'],
  ['deflateRawSync', 'inflateRawSync'],
  ['deflateSync', 'unzipSync'],
  ['gzipSync', 'unzipSync'],
]) {
  say(`${code} ${decode}`, () => {
    const coded = zlib[code](text);
    return [Buffer.isBuffer(coded), coded.length < 500, zlib[decode](coded).toString() === text];
  });
  say(`${code} of nothing`, () => zlib[decode](zlib[code]('')).length);
}
say('headers', () => [zlib.gzipSync('x').subarray(0, 3).toString('hex'), zlib.deflateSync('x')[0].toString(16)]);
say('given', () => zlib.inflateSync(Buffer.from('eJxLTEoGAAJNASc=', 'base64')).toString());
say('rubbish', () => zlib.gunzipSync(Buffer.from('rubbish')));
say('cut off', () => zlib.gunzipSync(zlib.gzipSync(text).subarray(0, 30)));
say('a number', () => zlib.gzipSync(5));
say('too much', () => zlib.gunzipSync(zlib.gzipSync(text), { maxOutputLength: 100 }));
say('crc32', () => [zlib.crc32('hello'), zlib.crc32(Buffer.from('world'), zlib.crc32('hello '))]);
say('called', () => zlib.Gzip() instanceof zlib.Gzip);
console.log('promisified', (await promisify(zlib.gunzip)(await promisify(zlib.gzip)('abc'))).toString());
console.log('rejected', await promisify(zlib.inflate)(Buffer.from('no')).catch((error) => error.code));
const stream = Readable.from([Buffer.from('one '), Buffer.from('two')], { objectMode: false });
console.log('streams', (await buffer(stream.pipe(zlib.createGzip()).pipe(zlib.createGunzip()))).toString());
console.log(
  'a failing stream',
  await pipeline(Readable.from([Buffer.from('rubbish')]), zlib.createGunzip(), async (source) => {
    for await (const chunk of source) void chunk;
  }).catch((error) => error.code),
);
const large = Buffer.alloc(3 << 20, 'abcdefghij');
console.log('large', zlib.inflateSync(zlib.deflateSync(large)).equals(large));

import buffer, { Buffer, constants, isAscii, isUtf8, transcode } from 'node:buffer';

const say = (label, make) => {
  let value;
  try {
    value = make();
  } catch (error) {
    value = `${error.name} ${error.code}`;
  }
  console.log(`${label}: ${JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? `${item}n` : item))}`);
};
const hex = (b) => Buffer.from(b).toString('hex');

say('global', () => [
  globalThis.Buffer === Buffer,
  buffer.Buffer === Buffer,
  Buffer.name,
  constants.MAX_STRING_LENGTH > 2 ** 28,
]);
say('is a Uint8Array', () => [
  Buffer.alloc(1) instanceof Uint8Array,
  Buffer.isBuffer(Buffer.alloc(0)),
  Buffer.isBuffer(new Uint8Array(1)),
]);
for (const encoding of [
  'utf8',
  'utf-8',
  'UTF8',
  'ucs2',
  'utf16le',
  'latin1',
  'binary',
  'ascii',
  'hex',
  'base64',
  'base64url',
]) {
  say(`from ${encoding}`, () => hex(Buffer.from(encoding.startsWith('base') ? 'aé zz==' : 'aé€😀 zz==', encoding)));
  say(`to ${encoding}`, () =>
    Buffer.from([0, 1, 0x61, 0xe9, 0xff, 0x80, 0xf0, 0x9f, 0x98, 0x80, 0xc3]).toString(encoding),
  );
  say(`length ${encoding}`, () => Buffer.byteLength('aé€😀 zz==', encoding));
}
for (const text of ['YWJj', 'YWI', 'YW I=', 'YWJj====', '-_-_', '!!', 'YQ==YQ==', 'A', ''])
  say(`base64 ${text}`, () => hex(Buffer.from(text, 'base64')));
for (const text of ['616', '61zz62', 'zz', '6162']) say(`hex ${text}`, () => hex(Buffer.from(text, 'hex')));
say('unknown encoding', () => Buffer.from('x', 'nope'));
say('isEncoding', () => ['utf8', 'Latin1', 'nope', undefined, ''].map((name) => Buffer.isEncoding(name)));
say('lone surrogate', () => hex(Buffer.from('\ud800x')));

say('from array', () => hex(Buffer.from([1, 256, -1, 3.7, 'x', '7'])));
say('from buffer', () => {
  const a = Buffer.from('abc');
  const b = Buffer.from(a);
  b[0] = 0x78;
  return [a.toString(), b.toString()];
});
say('from ArrayBuffer shares', () => {
  const memory = new ArrayBuffer(6);
  const b = Buffer.from(memory, 2, 3);
  b.fill(7);
  return [hex(new Uint8Array(memory)), b.length, b.byteOffset];
});
say('from ArrayBuffer, out of bounds', () => Buffer.from(new ArrayBuffer(2), 3));
say('from JSON', () => Buffer.from(JSON.parse(JSON.stringify(Buffer.from('hey')))).toString());
say('from Uint16Array', () => hex(Buffer.from(new Uint16Array([1, 300]))));
say('from object', () => [hex(Buffer.from({ length: 2, 0: 5, 1: 6 })), Buffer.from(new String('abc')).toString()]);
say('from Symbol.toPrimitive', () => Buffer.from({ [Symbol.toPrimitive]: () => 'prim' }).toString());
for (const value of [5, null, undefined, true, {}, Symbol('s')]) say(`from ${typeof value}`, () => Buffer.from(value));

say('alloc', () => [
  hex(Buffer.alloc(3)),
  hex(Buffer.alloc(5, 'ab')),
  hex(Buffer.alloc(5, 1)),
  hex(Buffer.alloc(4, 'YQ==', 'base64')),
]);
say('alloc negative', () => Buffer.alloc(-1));
say('alloc text', () => Buffer.alloc('5'));
say('concat', () => [
  hex(Buffer.concat([Buffer.from('a'), new Uint8Array([1, 2])])),
  hex(Buffer.concat([Buffer.from('abc')], 2)),
  hex(Buffer.concat([Buffer.from('a')], 3)),
]);
say('concat of text', () => Buffer.concat(['x']));
say('compare', () => [
  Buffer.compare(Buffer.from('a'), Buffer.from('b')),
  Buffer.from('b').compare(Buffer.from('a')),
  Buffer.from('abc').compare(Buffer.from('xbc'), 1, 3, 1, 3),
]);
say('equals', () => [Buffer.from('a').equals(new Uint8Array([97])), Buffer.from('a').equals(Buffer.from('b'))]);
say('equals of text', () => Buffer.from('a').equals('a'));

const text = Buffer.from('the quick brown fox the end');
say('indexOf', () => [
  text.indexOf('the'),
  text.indexOf('the', 1),
  text.indexOf('the', -7),
  text.indexOf(0x71),
  text.indexOf(Buffer.from('fox')),
  text.indexOf('zzz'),
  text.indexOf(''),
  text.indexOf('', 100),
  text.indexOf('the', 100),
]);
say('lastIndexOf', () => [
  text.lastIndexOf('the'),
  text.lastIndexOf('the', 10),
  text.lastIndexOf('the', -10),
  text.lastIndexOf('zzz'),
  text.lastIndexOf(0x74),
]);
say('includes', () => [text.includes('brown'), text.includes('brown', 20), text.includes('dGhl', 0, 'base64')]);
say('indexOf of object', () => text.indexOf({}));

say('slice shares', () => {
  const b = Buffer.from('abcdef');
  const part = b.slice(1, -1);
  part[0] = 0x58;
  return [b.toString(), part.toString(), part instanceof Buffer, b.subarray(2).constructor === Buffer];
});
say('toString ranges', () => [
  text.toString('utf8', 4, 9),
  text.toString(undefined, 4, 9),
  text.toString('utf8', -3, 3),
  text.toString('utf8', 20, 5),
  text.toString('utf8', 'x', 3),
]);
say('write', () => {
  const b = Buffer.alloc(8);
  return [b.write('abc'), b.write('de', 3), b.write('6667', 5, 'hex'), b.write('xyz', 7), b.write('€', 6), hex(b)];
});
say('write out of range', () => Buffer.alloc(2).write('a', 3));
say('write a cut character', () => {
  const b = Buffer.alloc(5);
  return [b.write('a€€'), hex(b), Buffer.alloc(3).write('abc', 'ucs2')];
});
say('fill', () => [
  hex(Buffer.alloc(5).fill('ab', 1)),
  hex(Buffer.alloc(4).fill(300)),
  hex(Buffer.alloc(4).fill('6162', 'hex')),
  hex(Buffer.alloc(3).fill('')),
  hex(Buffer.alloc(4).fill('x', 1, 2)),
]);
say('fill out of range', () => Buffer.alloc(3).fill(1, 0, 4));
say('fill of nothing', () => hex(Buffer.alloc(3).fill(1, 4)));
say('copy', () => {
  const target = Buffer.alloc(6);
  return [
    Buffer.from('abcd').copy(target, 1, 1, 3),
    Buffer.from('xyz').copy(target, 4),
    hex(target),
    Buffer.from('a').copy(target, 9),
  ];
});
say('swap', () => [
  hex(Buffer.from('01020304', 'hex').swap16()),
  hex(Buffer.from('01020304', 'hex').swap32()),
  hex(Buffer.from('0102030405060708', 'hex').swap64()),
]);
say('swap of a wrong size', () => Buffer.alloc(3).swap16());
say('toJSON', () => Buffer.from('hi').toJSON());
say('inspect', () => [Buffer.from('hi').inspect(), Buffer.alloc(52).inspect().slice(-14)]);

const numbers = Buffer.from('0102030405060708f0f1f2f3f4f5f6f7', 'hex');
for (const name of [
  'UInt8',
  'Int8',
  'UInt16LE',
  'UInt16BE',
  'Int16LE',
  'Int16BE',
  'UInt32LE',
  'UInt32BE',
  'Int32LE',
  'Int32BE',
  'FloatLE',
  'FloatBE',
  'DoubleLE',
  'DoubleBE',
  'BigInt64LE',
  'BigInt64BE',
  'BigUInt64LE',
  'BigUInt64BE',
]) {
  say(`read${name}`, () => [numbers[`read${name}`](), numbers[`read${name}`](8)]);
  say(`read${name} out of range`, () => numbers[`read${name}`](16));
  say(`write${name}`, () => {
    const b = Buffer.alloc(8);
    const big = name.startsWith('Big');
    return [b[`write${name}`](big ? 100n : 100, 0), hex(b)];
  });
  say(`write${name} of too much`, () => Buffer.alloc(8)[`write${name}`](name.startsWith('Big') ? 2n ** 65n : 2 ** 40));
}
say('readUintBE', () => [
  numbers.readUIntBE(0, 3),
  numbers.readUintLE(0, 6),
  numbers.readIntBE(8, 3),
  numbers.readIntLE(8, 5),
]);
say('readUIntBE of 7', () => numbers.readUIntBE(0, 7));
say('writeIntBE', () => {
  const b = Buffer.alloc(6);
  return [b.writeIntBE(-5, 0, 6), hex(b), b.writeUIntLE(0x123456, 1, 3), hex(b)];
});
say('read with a fraction', () => numbers.readUInt8(1.5));
say('read with a text', () => numbers.readUInt8('1'));
say('aliases', () => [
  Buffer.prototype.readUint8 === Buffer.prototype.readUInt8,
  Buffer.prototype.readBigUint64LE === Buffer.prototype.readBigUInt64LE,
]);

say('typed array methods', () => [
  Buffer.from('abc')
    .map((x) => x + 1)
    .toString(),
  Buffer.from('abc').filter((x) => x !== 98) instanceof Buffer,
  Buffer.from('cab').sort().toString(),
  Buffer.from('abc').reverse().toString(),
]);
say('iteration', () => [...Buffer.from('ab').entries()]);
say('deprecated constructor', () => [new Buffer('abc').toString(), Buffer([1, 2]).length, new Buffer(3).length]);
say('utf8, ascii', () => [
  isUtf8(Buffer.from('é')),
  isUtf8(Buffer.from([0xff])),
  isAscii(Buffer.from('a')),
  isAscii(Buffer.from('é')),
]);
say('transcode', () => hex(transcode(Buffer.from('é'), 'utf8', 'latin1')));
say('atob', () => [buffer.atob('YQ=='), buffer.btoa('b')]);
say('subclassing species', () => Buffer.from('abcdef').subarray(1, 3).toString());
say('copyBytesFrom', () => hex(Buffer.copyBytesFrom(new Uint16Array([1, 2, 3]), 1)));
say('functions with new', () => [
  new Buffer.alloc(2).length,
  new Buffer.from('ab').toString(),
  new Buffer.concat([Buffer.from('c')]).toString(),
]);

// https://webidl.spec.whatwg.org/#js-type-mapping
import {
  clamp,
  enforceRange,
  isBufferSource,
  toByteString,
  toBytes,
  toBytesAllowShared,
  toCallback,
  toDictionary,
  toDOMString,
  toDouble,
  toEnum,
  toLong,
  toLongLong,
  toRecord,
  toSequence,
  toUnsignedLong,
  toUnsignedLongLong,
  toUnsignedShort,
  toUSVString,
} from '../../../guest/wapojs/js/webidl.js';
import { assertEquals, assertSame, assertThrows, test } from './harness.js';

const error1 = new Error('error1');

test('strings', () => {
  for (const [value, expected] of [
    ['x', 'x'],
    [undefined, 'undefined'],
    [null, 'null'],
    [1.5, '1.5'],
    [{}, '[object Object]'],
    [[1, 2], '1,2'],
    [5n, '5'],
    ['\ud800', '\ud800'],
  ]) {
    assertEquals(toDOMString(value), expected);
  }
  for (const convert of [toDOMString, toUSVString, toByteString]) {
    assertThrows(TypeError, () => convert(Symbol()));
    assertThrows(TypeError, () => convert(Object.create(null)));
    assertThrows(error1, () =>
      convert({
        toString() {
          throw error1;
        },
      }),
    );
  }
  assertEquals(toUSVString('a\ud800b\udc00\ud83d\ude00'), 'a\ufffdb\ufffd\ud83d\ude00');
  assertEquals(toByteString('\xff\0'), '\xff\0');
  assertThrows(TypeError, () => toByteString('\u0100'));
});

test('integers wrap', () => {
  assertEquals([toLong(2 ** 31), toLong(-1.9), toLong('7'), toLong(NaN), toLong(Infinity)], [-(2 ** 31), -1, 7, 0, 0]);
  assertEquals([toUnsignedLong(-1), toUnsignedShort(65537), toUnsignedShort(-1)], [2 ** 32 - 1, 1, 65535]);
  assertEquals(
    [toUnsignedLongLong(5.9), toUnsignedLongLong(NaN), toUnsignedLongLong(-Infinity), toUnsignedLongLong(2 ** 64)],
    [5, 0, 0, 0],
  );
  assertEquals(
    [toUnsignedLongLong(-(2 ** 63)), toLongLong(-5.5), toLongLong(2 ** 63), toLongLong(-0)],
    [2 ** 63, -5, -(2 ** 63), 0],
  );
  for (const convert of [toLong, toUnsignedLong, toUnsignedLongLong]) assertThrows(TypeError, () => convert(1n));
});

test('[EnforceRange] and [Clamp]', () => {
  assertEquals(
    [enforceRange(3.9, 'x'), enforceRange(-0.5, 'x'), enforceRange('12', 'x'), enforceRange(null, 'x')],
    [3, 0, 12, 0],
  );
  for (const bad of [-1, NaN, Infinity, 2 ** 53, undefined, 'x', Symbol()])
    assertThrows(TypeError, () => enforceRange(bad, 'x'));
  assertEquals(
    [
      clamp(-5, 0, 10),
      clamp(50, 0, 10),
      clamp(NaN, 0, 10),
      clamp(2.5, 0, 10),
      clamp(3.5, 0, 10),
      clamp(2.4, 0, 10),
      clamp(-0.4, -5, 5),
    ],
    [0, 10, 0, 2, 4, 2, 0],
  );
});

test('double, enumeration, callback, dictionary', () => {
  assertEquals(toDouble('1e3', 'x'), 1000);
  for (const bad of [NaN, Infinity, undefined]) assertThrows(TypeError, () => toDouble(bad, 'x'));
  assertEquals(toEnum('a', ['a', 'b'], 'x'), 'a');
  assertThrows(TypeError, () => toEnum('c', ['a', 'b'], 'x'));
  assertThrows(TypeError, () => toCallback({}, 'x'));
  assertEquals(toDictionary(undefined, 'x').toString, undefined);
  assertEquals(toDictionary(null, 'x').a, undefined);
  const object = {};
  assertSame(toDictionary(object, 'x'), object);
  for (const bad of [1, 'x', true, Symbol()]) assertThrows(TypeError, () => toDictionary(bad, 'x'));
});

test('sequences: items are converted as they come; the iterator is not closed', () => {
  const order = [];
  const iterable = {
    [Symbol.iterator]: () => ({
      i: 0,
      get next() {
        order.push('next');
        return () => ({ value: this.i, done: this.i++ >= 2 });
      },
      return() {
        order.push('return');
      },
    }),
  };
  assertEquals(
    toSequence(iterable, (x) => x * 2, 'x'),
    [0, 2],
  );
  assertThrows(error1, () =>
    toSequence(
      iterable,
      () => {
        throw error1;
      },
      'x',
    ),
  );
  assertEquals(order, ['next', 'next']);
  for (const bad of [undefined, null, 1, 'text', {}, { [Symbol.iterator]: () => 1 }])
    assertThrows(TypeError, () => toSequence(bad, (x) => x, 'x'));
});

test('records: own enumerable properties, converted keys may meet', () => {
  const object = Object.create({ inherited: 1 }, { hidden: { value: 1 }, a: { value: 1, enumerable: true } });
  assertEquals(toRecord(object, toDOMString, toDOMString), [['a', '1']]);
  assertEquals(
    toRecord({ 'x\ud800': 1, y: 2, 'x\udc00': 3 }, toUSVString, (v) => v),
    [
      ['x\ufffd', 3],
      ['y', 2],
    ],
  );
  assertThrows(TypeError, () => toRecord({ [Symbol()]: 1 }, toDOMString, toDOMString));
});

test('buffers: a view of the same bytes; resizable and shared ones are refused', () => {
  const buffer = new Uint8Array([1, 2, 3, 4]).buffer;
  assertEquals(toBytes(buffer, 'x'), new Uint8Array([1, 2, 3, 4]));
  assertSame(toBytes(new Uint16Array(buffer, 2), 'x').buffer, buffer);
  assertEquals(toBytes(new Uint16Array(buffer, 2), 'x'), new Uint8Array([3, 4]));
  assertEquals(toBytes(new DataView(buffer, 1, 2), 'x'), new Uint8Array([2, 3]));
  for (const bad of [undefined, null, [], {}, 'x']) assertThrows(TypeError, () => toBytes(bad, 'x'));
  const shared = new SharedArrayBuffer(2);
  for (const value of [shared, new Uint8Array(shared)]) {
    assertThrows(TypeError, () => toBytes(value, 'x'));
    assertEquals(toBytesAllowShared(value, 'x').length, 2);
  }
  const resizable = new ArrayBuffer(2, { maxByteLength: 4 });
  for (const value of [resizable, new Uint8Array(resizable), new DataView(resizable)])
    assertThrows(TypeError, () => toBytes(value, 'x'));
  assertEquals(
    [isBufferSource(buffer), isBufferSource(new DataView(buffer)), isBufferSource(shared), isBufferSource({})],
    [true, true, false, false],
  );
});

// https://streams.spec.whatwg.org/#qs
import { ByteLengthQueuingStrategy, CountQueuingStrategy } from '../../../guest/wapojs/js/streams/strategies.js';
import { assertEquals, assertInterface, assertSame, assertThrows, test } from './harness.js';

for (const [Strategy, name] of [
  [ByteLengthQueuingStrategy, 'ByteLengthQueuingStrategy'],
  [CountQueuingStrategy, 'CountQueuingStrategy'],
]) {
  test(`${name}: interface shape`, () =>
    assertInterface(Strategy, name, { length: 1, attributes: ['highWaterMark', 'size'] }));

  test(`${name}: highWaterMark is required and converted to a number`, () => {
    for (const bad of [undefined, null, {}, 1, 'x']) assertThrows(TypeError, () => new Strategy(bad));
    assertThrows(TypeError, () => new Strategy());
    for (const [given, expected] of [
      [1, 1],
      ['5', 5],
      [-3, -3],
      [NaN, NaN],
      [Infinity, Infinity],
      ['x', NaN],
      [true, 1],
      [null, 0],
    ]) {
      assertEquals(new Strategy({ highWaterMark: given }).highWaterMark, expected);
    }
  });

  test(`${name}: size is one function for all, without a receiver`, () => {
    const { size } = new Strategy({ highWaterMark: 1 });
    assertSame(new Strategy({ highWaterMark: 2 }).size, size);
    assertEquals(size.name, 'size');
    assertEquals('prototype' in size, false);
    assertThrows(TypeError, () => new size());
  });
}

test('CountQueuingStrategy.size is 1 for anything and takes no argument', () => {
  const { size } = new CountQueuingStrategy({ highWaterMark: 1 });
  assertEquals([size(), size(undefined), size({ byteLength: 9 }), size.length], [1, 1, 1, 0]);
});

test('ByteLengthQueuingStrategy.size is the byteLength property', () => {
  const { size } = new ByteLengthQueuingStrategy({ highWaterMark: 1 });
  assertEquals([size(new Uint8Array(3)), size({ byteLength: 'x' }), size({}), size.length], [3, 'x', undefined, 1]);
  assertThrows(TypeError, () => size());
  assertThrows(TypeError, () => size(null));
});

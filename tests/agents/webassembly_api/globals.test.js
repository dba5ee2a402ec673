// Globals: https://webassembly.github.io/spec/js-api/#globals

test('globals', () => {
  const global = new Global({ value: 'i32', mutable: true }, 7);
  same([global.value, global.valueOf()], [7, 7]);
  global.value = '12';
  equal(global.value, 12);
  equal(new Global({ value: 'i64' }).value, 0n);
  equal(new Global({ value: 'i64' }, 2n ** 63n).value, -(2n ** 63n));
  equal(new Global({ value: 'f32' }, 0.1).value, Math.fround(0.1));
  equal(new Global({ value: 'externref' }).value, undefined);
  equal(new Global({ value: 'externref' }, 'x').value, 'x');
  equal(new Global({ value: 'anyfunc' }).value, null);
  const constant = new Global({ value: 'f64' });
  equal(constant.value, 0);
  throws(TypeError, () => {
    constant.value = 1;
  });
  throws(TypeError, () => new Global({ value: 'i64' }, 1));
  throws(TypeError, () => new Global({ value: 'i33' }));
  throws(TypeError, () => new Global({}));
  throws(TypeError, () => new Global({ value: 'anyfunc' }, () => 1));
  throws(TypeError, () => Global.prototype.valueOf.call({}));
});
test('globals are shared with instances', () => {
  const counter = new Global({ value: 'i64', mutable: true }, 5n);
  const bytes = wat`(module (import "m" "g" (global $g (mut i64))) (export "g" (global $g))
    (func (export "next") (result i64) (global.set $g (i64.add (global.get $g) (i64.const 1))) (global.get $g)))`;
  const { next, g } = instance(bytes, { m: { g: counter } });
  same([next() === 6n, counter.value === 6n, g === counter], [true, true, true]);
  counter.value = 100n;
  equal(next(), 101n);
  for (const wrong of [5n, 5, new Global({ value: 'i64' }), new Global({ value: 'i32', mutable: true })]) {
    throws(LinkError, () => instance(bytes, { m: { g: wrong } }));
  }
});
test('a constant global may be imported as a value', () => {
  const bytes = wat`(module (import "m" "a" (global i32)) (import "m" "b" (global i64))
    (import "m" "c" (global externref))
    (global (export "sum") i32 (i32.add (global.get 0) (i32.const 2))) (global (export "c") externref (global.get 2))
    (export "a" (global 0)) (memory (export "memory") 1) (data (global.get 0) "!"))`;
  const exports = instance(bytes, { m: { a: 40, b: 1n, c: 'any' } });
  same(
    [exports.sum.value, exports.c.value, exports.a.value, new Uint8Array(exports.memory.buffer)[40]],
    [42, 'any', 40, 33],
  );
  throws(LinkError, () => instance(bytes, { m: { a: 1n, b: 1n, c: 0 } }));
  throws(LinkError, () => instance(bytes, { m: { a: 1, b: 1, c: 0 } }));
  throws(LinkError, () => instance(bytes, { m: { a: '1', b: 1n, c: 0 } }));
});

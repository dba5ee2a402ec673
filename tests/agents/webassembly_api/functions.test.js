// Functions and values: https://webassembly.github.io/spec/js-api/#exported-function-exotic-objects

test('exported functions are functions', () => {
  const { add } = instance(ADD);
  equal(typeof add, 'function');
  same([add.name, add.length, Object.getPrototypeOf(add) === Function.prototype], ['0', 2, true]);
  same([add(), add(1), add('3', 4.9), add(2 ** 31, 0), add(NaN, Infinity)], [0, 1, 7, -(2 ** 31), 0]);
  throws(TypeError, () => new add());
  throws(TypeError, () => add(1n, 2));
  equal(add.call(undefined, 1, 2, 3), 3);
  equal(instance(wat`(module (func $f) (export "a" (func $f)) (export "b" (func $f)))`).a.name, '0');
  const { a, b } = instance(wat`(module (func $f) (export "a" (func $f)) (export "b" (func $f)))`);
  equal(a, b);
});
test('values of every type go both ways', () => {
  for (const [type, given, expected] of [
    ['i32', -1, -1],
    ['i32', 4294967295, -1],
    ['i64', -(2n ** 63n), -(2n ** 63n)],
    ['i64', 2n ** 64n + 5n, 5n],
    ['f32', 0.1, Math.fround(0.1)],
    ['f64', 0.1, 0.1],
    ['f64', -0, -0],
    ['f64', NaN, NaN],
    ['f32', 1e300, Infinity],
  ]) {
    const { pass } = instance(PASS[type], { m: { f: (value) => value } });
    equal(pass(given), expected);
  }
  throws(TypeError, () => instance(PASS.i64, { m: { f: () => 5 } }).pass(1n));
  throws(TypeError, () => instance(PASS.i64, { m: { f: (x) => x } }).pass(1));
  throws(TypeError, () => instance(PASS.i64, { m: { f: (x) => x } }).pass());
  equal(instance(PASS.i64, { m: { f: (x) => x } }).pass('12'), 12n);
  const object = {};
  for (const value of [object, null, undefined, 1, 1.5, 'text', 10n, Symbol.iterator, true]) {
    equal(instance(PASS.externref, { m: { f: (x) => x } }).pass(value), value);
  }
  equal(instance(PASS.externref, { m: { f: (x) => x } }).pass(), undefined);
  const { pass } = instance(PASS.funcref, { m: { f: (x) => x } });
  same([pass(pass) === pass, pass(null)], [true, null]);
  throws(TypeError, () => pass(() => 1));
  throws(TypeError, () => pass());
});
const PASS = {};
for (const type of ['i32', 'i64', 'f32', 'f64', 'externref', 'funcref']) {
  PASS[type] = WebAssembly.parseWat(`(module (import "m" "f" (func (param ${type}) (result ${type})))
    (func (export "pass") (param ${type}) (result ${type}) (call 0 (local.get 0))))`);
}
test('several results are an array, and any iterable the other way', () => {
  const bytes = wat`(module (import "m" "f" (func (result i32 i64 f64)))
    (func (export "many") (result i32 i64 f64) call 0)
    (func (export "fixed") (result i32 i64) i32.const 1 i64.const 2))`;
  const many = (f) => instance(bytes, { m: { f } }).many();
  const result = many(() => [1, 2n, 3.5]);
  equal(Array.isArray(result), true);
  equal(result.join(), '1,2,3.5');
  equal(
    many(function* () {
      yield 4;
      yield 5n;
      yield 6;
    }).join(),
    '4,5,6',
  );
  throws(TypeError, () => many(() => [1, 2n]));
  throws(TypeError, () => many(() => [1, 2n, 3, 4]));
  throws(TypeError, () => many(() => 1));
  equal(
    instance(bytes, { m: { f() {} } })
      .fixed()
      .join(),
    '1,2',
  );
});
test('an imported function is called without this', () => {
  let seen = 0;
  const { run } = instance(
    wat`(module (import "m" "f" (func (param i32))) (func (export "run") (call 0 (i32.const 7))))`,
    {
      m: {
        f(...values) {
          seen = [this, ...values];
        },
      },
    },
  );
  run();
  equal(seen[0], undefined);
  same(seen.slice(1), [7]);
});
test('exceptions of JavaScript pass through WebAssembly', () => {
  const thrown = { any: 'thing' };
  const { run } = instance(wat`(module (import "m" "f" (func)) (func $g call 0) (func (export "run") call $g))`, {
    m: {
      f() {
        throw thrown;
      },
    },
  });
  try {
    run();
  } catch (error) {
    equal(error, thrown);
    return;
  }
  throw new Error('nothing was thrown');
});
test('converting an argument may call WebAssembly', () => {
  const { add } = instance(ADD);
  const value = { valueOf: () => add(add(1, 2), { valueOf: () => add(3, 4) }) };
  equal(add(value, { valueOf: () => add(5, value) }), 10 + 15);
});
test('traps are RuntimeErrors', () => {
  const traps =
    instance(wat`(module (memory 1) (table 2 funcref) (elem (i32.const 0) $unreachable) (type $t (func (result i32)))
    (func $unreachable (export "unreachable") unreachable)
    (func (export "integer divide by zero") (drop (i32.div_s (i32.const 1) (i32.const 0))))
    (func (export "integer overflow") (drop (i32.div_s (i32.const -2147483648) (i32.const -1))))
    (func (export "invalid conversion to integer") (drop (i32.trunc_f32_s (f32.const nan))))
    (func (export "out of bounds memory access") (drop (i32.load offset=4294967295 (i32.const -1))))
    (func (export "out of bounds table access") (drop (table.get 0 (i32.const 2))))
    (func (export "undefined element") (call_indirect (i32.const 2)))
    (func (export "uninitialized element") (call_indirect (i32.const 1)))
    (func (export "indirect call type mismatch") (drop (call_indirect (type $t) (i32.const 0)))))`);
  for (const name in traps) equal(throws(RuntimeError, traps[name]).message, name);
});
test('functions of other instances keep their instance', () => {
  const one = instance(wat`(module (memory (export "m") 1) (global $g (mut i32) (i32.const 5))
    (func (export "next") (result i32) (global.set $g (i32.add (global.get $g) (i32.const 1)))
      (i32.store (i32.const 0) (global.get $g)) (i32.load (i32.const 0))))`);
  const two = instance(
    wat`(module (import "one" "next" (func (result i32))) (memory 1)
    (func (export "twice") (result i32) (i32.store (i32.const 0) (i32.const 99)) (i32.add (call 0) (call 0)))
    (func (export "mine") (result i32) (i32.load (i32.const 0))) (export "same" (func 0)))`,
    { one },
  );
  same([two.twice(), two.mine(), two.same === one.next], [13, 99, true]);
  throws(LinkError, () => instance(wat`(module (import "one" "next" (func)))`, { one }));
});
test('tail calls run in one frame', () => {
  const { down, even } = instance(wat`(module
    (func $down (export "down") (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (return (i32.const 77))))
      (return_call $down (i32.sub (local.get 0) (i32.const 1))))
    (table funcref (elem $even $odd)) (type $t (func (param i32) (result i32)))
    (func $even (export "even") (param i32) (result i32) (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
      (return_call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 1)))
    (func $odd (param i32) (result i32) (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
      (return_call_indirect (type $t) (i32.sub (local.get 0) (i32.const 1)) (i32.const 0))))`);
  same([down(100000), even(100001), even(100000)], [77, 0, 1]);
});

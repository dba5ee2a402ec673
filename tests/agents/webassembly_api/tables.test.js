// Tables: https://webassembly.github.io/spec/js-api/#tables

test('tables hold functions', () => {
  const table = new Table({ element: 'anyfunc', initial: 2, maximum: 4 });
  const { add } = instance(ADD);
  same([table.length, table.get(0)], [2, null]);
  table.set(1, add);
  equal(table.get(1), add);
  table.set(1);
  equal(table.get(1), null);
  same([table.grow(1), table.length, table.get(2)], [2, 3, null]);
  equal(table.grow(1, add), 3);
  equal(table.get(3), add);
  throws(RangeError, () => table.grow(1));
  throws(RangeError, () => table.get(4));
  throws(RangeError, () => table.set(4, null));
  throws(TypeError, () => table.set(0, () => 1));
  throws(TypeError, () => table.set(0, undefined));
  throws(TypeError, () => table.get());
  throws(TypeError, () => table.get(-1));
  throws(TypeError, () => Table.prototype.get.call({}, 0));
  throws(TypeError, () => new Table({ element: 'i32', initial: 1 }));
  throws(TypeError, () => new Table({ initial: 1 }));
  throws(TypeError, () => new Table({ element: 'anyfunc', initial: 1 }, () => 1));
  throws(RangeError, () => new Table({ element: 'anyfunc', initial: 2, maximum: 1 }));
  throws(RangeError, () => new Table({ element: 'anyfunc', initial: 2 ** 32 - 1 }));
});
test('tables hold any value', () => {
  const object = {};
  const table = new Table({ element: 'externref', initial: 2 }, object);
  same([table.get(0) === object, table.get(1) === object], [true, true]);
  table.set(0);
  equal(table.get(0), undefined);
  table.set(0, null);
  equal(table.get(0), null);
  equal(new Table({ element: 'externref', initial: 1 }).get(0), undefined);
  table.grow(1, 'text');
  equal(table.get(2), 'text');
});
test('a table is shared between instances and called through', () => {
  const table = new Table({ element: 'anyfunc', initial: 3 });
  instance(
    wat`(module (import "m" "t" (table 3 funcref)) (elem (i32.const 1) $f) (func $f (param i32) (result i32)
    (i32.mul (local.get 0) (i32.const 10))))`,
    { m: { t: table } },
  );
  const { run } = instance(
    wat`(module (import "m" "t" (table 1 funcref)) (type $t (func (param i32) (result i32)))
    (func (export "run") (param i32) (result i32) (call_indirect (type $t) (i32.const 7) (local.get 0))))`,
    { m: { t: table } },
  );
  same([run(1), table.get(1)(4)], [70, 40]);
  equal(throws(RuntimeError, () => run(0)).message, 'uninitialized element');
  const host = instance(wat`(module (import "m" "f" (func (param i32) (result i32))) (export "f" (func 0)))`, {
    m: { f: (x) => -x },
  });
  table.set(0, host.f);
  equal(run(0), -7);
});
test('instructions of tables', () => {
  const object = {};
  const e = instance(wat`(module (table $a (export "a") 2 8 externref) (table $f 4 funcref) (elem $e func $one $two)
    (elem declare func $one)
    (func $one (result i32) i32.const 1) (func $two (result i32) i32.const 2)
    (func (export "size") (result i32) table.size $a)
    (func (export "grow") (param externref i32) (result i32) (table.grow $a (local.get 0) (local.get 1)))
    (func (export "fill") (param i32 externref i32) (table.fill $a (local.get 0) (local.get 1) (local.get 2)))
    (func (export "init") (table.init $f $e (i32.const 1) (i32.const 0) (i32.const 2)))
    (func (export "copy") (table.copy $f $f (i32.const 2) (i32.const 1) (i32.const 2)))
    (func (export "drop") (elem.drop $e))
    (func (export "one") (result funcref) ref.func $one)
    (func (export "null") (param externref) (result i32) (ref.is_null (local.get 0)))
    (func (export "call") (param i32) (result i32) (call_indirect $f (result i32) (local.get 0))))`);
  equal(e.grow(object, 3), 2);
  same([e.size(), e.a.get(4) === object, e.a.get(0)], [5, true, null]);
  e.fill(1, 'x', 2);
  same(
    [0, 1, 2, 3].map((k) => e.a.get(k) === 'x'),
    [false, true, true, false],
  );
  equal(e.grow(null, 4), -1);
  throws(RuntimeError, () => e.fill(4, null, 2));
  e.init();
  e.copy();
  same([e.call(1), e.call(2), e.call(3)], [1, 1, 2]);
  e.drop();
  throws(RuntimeError, () => e.init());
  same([e.one()(), e.one() === e.one(), e.null(null), e.null(undefined), e.null(0)], [1, true, 1, 0, 0]);
});

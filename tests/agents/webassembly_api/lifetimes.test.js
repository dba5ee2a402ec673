// References are kept alive, and no longer than they must be.

test('a value is alive while only WebAssembly has it', () => {
  const { keep, take } = instance(
    wat`(module (import "m" "churn" (func)) (table $t 1 externref)
    (func (export "keep") (param externref) (table.set $t (i32.const 0) (local.get 0)))
    (func (export "take") (result externref) (local $x externref) (local.set $x (table.get $t (i32.const 0)))
      (table.set $t (i32.const 0) (ref.null extern)) (call 0) (local.get $x)))`,
    {
      m: {
        churn() {
          for (let i = 0; i < 20000; i++) ({ i });
        },
      },
    },
  );
  keep({ deep: { text: 'alive' } });
  equal(take().deep.text, 'alive');
});
test('many values pass through one call', () => {
  let count = 0;
  const { run } = instance(
    wat`(module (import "m" "make" (func $make (result externref)))
    (import "m" "use" (func $use (param externref externref)))
    (func (export "run") (param i32) (local $first externref) (local.set $first (call $make))
      (loop $again (call $use (local.get $first) (call $make))
        (br_if $again (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`,
    {
      m: {
        make: () => ({ text: `value ${count++}`, room: new Uint8Array(1000) }),
        use(first, last) {
          if (first.text !== 'value 0' || last.text !== `value ${count - 1}`)
            throw new Error(`${first.text} ${last.text}`);
        },
      },
    },
  );
  run(100000); // a hundred times the memory that there is, were they all kept
  equal(count, 100001);
});
test('instances that nobody has any more are freed', () => {
  const module = new Module(wat`(module (memory (export "m") 16) (table (export "t") 1 funcref) (elem (i32.const 0) $f)
    (func $f (export "f") (result i32) i32.const 1))`);
  for (let i = 0; i < 500; i++) equal(new Instance(module).exports.f(), 1); // 500 MB of memories
});
test('a function keeps the instance of its table alive', () => {
  const make = () => {
    const table = new Table({ element: 'anyfunc', initial: 1 });
    instance(
      wat`(module (import "m" "t" (table 1 funcref)) (memory 1) (data (i32.const 0) "*") (elem (i32.const 0) $f)
      (func $f (result i32) (i32.load8_u (i32.const 0))))`,
      { m: { t: table } },
    );
    return table;
  };
  const tables = Array.from({ length: 50 }, make);
  for (let i = 0; i < 200; i++) new Memory({ initial: 16 });
  equal(
    tables.every((table) => table.get(0)() === 42),
    true,
  );
});

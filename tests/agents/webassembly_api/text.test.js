// The text format, as the original WapoJS has it.

test('parseWat assembles text', () => {
  const text = `(module $name ;; a comment
    (import "m" "log" (func $log (param i32) (result i64))) (type $t (func (param $x i32) (result i32)))
    (memory (export "memory") (data "a\\00\\u{e9}\\n")) (; another (; inside ;) one ;)
    (table $table funcref (elem $double $twice)) (global $g (export "g") (mut f64) (f64.const -0x1.8p+3))
    (func $double (export "double") (type $t) local.get 0 i32.const 0x2 i32.mul)
    (func $twice (param $a i32) (result i32) (local $n i32) (local.set $n (i32.const -1_0))
      (block $out (result i32) (loop $again (br_if $out (i32.const 5) (i32.gt_s (local.get $a) (i32.const 9)))
        (local.set $a (i32.add (local.get $a) (i32.const 1))) (br $again)) unreachable) local.get $n i32.add)
    (func (export "choose") (param i32) (result i32)
      (if (result i32) (i32.eqz (local.get 0)) (then (call_indirect (type $t) (i32.const 21) (i32.const 0)))
        (else (i32.const 3) (i32.const 1) (call_indirect (param i32) (result i32)))))
    (func (export "log") (result i64) i32.const 7 call $log) (data $d "xyz")
    (func (export "init") (memory.init $d (i32.const 0) (i32.const 0) (i32.const 3))))`;
  for (const source of [text, new TextEncoder().encode(text), new TextEncoder().encode(text).buffer]) {
    const e = instance(WebAssembly.parseWat(source), { m: { log: (n) => BigInt(n) << 40n } });
    same([e.g.value, e.double(4), e.choose(0), e.choose(1), e.log() === 7n << 40n], [-12, 8, 42, -5, true]);
    equal(new TextDecoder().decode(new Uint8Array(e.memory.buffer, 0, 5)), 'a\0é\n');
    e.init();
    equal(new TextDecoder().decode(new Uint8Array(e.memory.buffer, 0, 3)), 'xyz');
  }
  for (const wrong of [
    '(',
    ')',
    '(module (func',
    '(module (fun))',
    '(func i32.cons 1)',
    '(func br $x)',
    '"',
    '(; ;',
    'x',
  ]) {
    throws(SyntaxError, () => WebAssembly.parseWat(wrong));
  }
  throws(TypeError, () => WebAssembly.parseWat());
});

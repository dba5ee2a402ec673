// Modules: https://webassembly.github.io/spec/js-api/#modules

const RICH = wat`(module
  (import "m" "f" (func)) (import "m" "g" (global i32)) (import "n" "t" (table 1 funcref)) (import "n" "b" (memory 1))
  (func $x (export "fn") nop) (global (export "gl") f64 (f64.const 1)) (export "mem" (memory 0))
  (export "tab" (table 0))
  (@custom "note" "one") (@custom "note" "two"))`;
test('Module.exports and imports describe', () => {
  const module = new Module(RICH);
  same(Module.exports(module), [
    { name: 'fn', kind: 'function' },
    { name: 'gl', kind: 'global' },
    { name: 'mem', kind: 'memory' },
    { name: 'tab', kind: 'table' },
  ]);
  same(Module.imports(module), [
    { module: 'm', name: 'f', kind: 'function' },
    { module: 'm', name: 'g', kind: 'global' },
    { module: 'n', name: 't', kind: 'table' },
    { module: 'n', name: 'b', kind: 'memory' },
  ]);
  throws(TypeError, () => Module.exports({}));
  throws(TypeError, () => Module.imports());
});
test('Module.customSections copies', () => {
  const module = new Module(RICH);
  const texts = () => Module.customSections(module, 'note').map((buffer) => new TextDecoder().decode(buffer));
  same(texts(), ['one', 'two']);
  new Uint8Array(Module.customSections(module, 'note')[0]).fill(0);
  same(texts(), ['one', 'two']);
  same(Module.customSections(module, 'other'), []);
  throws(TypeError, () => Module.customSections(module));
  throws(TypeError, () => Module.customSections(module, undefined));
});
test('classes can be derived from', () => {
  class MyModule extends Module {}
  equal(new MyModule(EMPTY) instanceof MyModule, true);
  class MyMemory extends Memory {}
  const memory = new MyMemory({ initial: 1 });
  equal(memory instanceof MyMemory && memory.buffer.byteLength, 65536);
});

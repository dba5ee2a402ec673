// Memories: https://webassembly.github.io/spec/js-api/#memories

test('the buffer is the memory', () => {
  const { memory, load, store } = instance(wat`(module (memory (export "memory") 1)
    (func (export "load") (param i32) (result i32) (i32.load (local.get 0)))
    (func (export "store") (param i32 i32) (i32.store (local.get 0) (local.get 1))) (data (i32.const 8) "hello"))`);
  equal(memory instanceof Memory, true);
  equal(memory.buffer, memory.buffer);
  equal(new TextDecoder().decode(new Uint8Array(memory.buffer, 8, 5)), 'hello');
  store(100, 0x01020304);
  same([...new Uint8Array(memory.buffer, 100, 4)], [4, 3, 2, 1]);
  new Uint32Array(memory.buffer)[50] = 12345;
  equal(load(200), 12345);
});
test('growing detaches the buffer', () => {
  const { memory, grow } = instance(wat`(module (memory (export "memory") 1 4)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))`);
  const first = memory.buffer,
    view = new Uint8Array(first);
  view[9] = 42;
  equal(memory.grow(1), 1);
  same([first.detached, first.byteLength, view.length, view[9] === undefined], [true, 0, 0, true]);
  same([memory.buffer.byteLength, new Uint8Array(memory.buffer)[9]], [131072, 42]);
  const second = memory.buffer;
  equal(grow(1), 2);
  same([second.detached, memory.buffer.byteLength], [true, 196608]);
  const third = memory.buffer;
  equal(memory.grow(0), 3);
  same([third.detached, memory.buffer.byteLength, memory.buffer === third], [true, 196608, false]);
  equal(grow(2), -1);
  throws(RangeError, () => memory.grow(2));
  throws(TypeError, () => memory.grow(-1));
  throws(TypeError, () => memory.grow());
  throws(TypeError, () => memory.grow(2 ** 32));
  throws(TypeError, () => Memory.prototype.grow.call({}, 1));
});
test('nothing else detaches the buffer', () => {
  const memory = new Memory({ initial: 1 });
  const { buffer } = memory;
  throws(TypeError, () => buffer.transfer());
  throws(TypeError, () => buffer.transfer(0));
  throws(TypeError, () => buffer.transferToFixedLength(10));
  throws(TypeError, () => buffer.resize(10));
  let failed = false;
  try {
    structuredClone(buffer, { transfer: [buffer] });
  } catch {
    failed = true;
  }
  same([failed, buffer.detached, buffer.byteLength, memory.buffer === buffer], [true, false, 65536, true]);
});
test('a buffer outlives its memory', () => {
  let { buffer } = new Memory({ initial: 1 });
  for (let i = 0; i < 50; i++) new Memory({ initial: 2 }).buffer;
  const bytes = new Uint8Array(buffer);
  bytes.fill(7);
  equal(
    bytes.every((byte) => byte === 7),
    true,
  );
});
test('descriptors of memories are checked', () => {
  for (const descriptor of [
    {},
    { initial: -1 },
    { initial: NaN },
    { initial: 2 ** 32 },
    { initial: 1, maximum: -1 },
    null,
    1,
  ]) {
    throws(TypeError, () => new Memory(descriptor));
  }
  for (const descriptor of [{ initial: 2, maximum: 1 }, { initial: 65537 }, { initial: 65536 }]) {
    throws(RangeError, () => new Memory(descriptor));
  }
  throws(TypeError, () => new Memory({ initial: 1, maximum: 1, shared: true }));
  const order = [];
  new Memory({
    get maximum() {
      order.push('maximum');
      return {
        valueOf() {
          order.push('to maximum');
          return 2;
        },
      };
    },
    get initial() {
      order.push('initial');
      return {
        valueOf() {
          order.push('to initial');
          return 1;
        },
      };
    },
  });
  same(order, ['initial', 'to initial', 'maximum', 'to maximum']);
});
test('an imported memory is shared between instances', () => {
  const memory = new Memory({ initial: 1, maximum: 3 });
  const bytes = wat`(module (import "m" "memory" (memory 1 3)) (export "memory" (memory 0))
    (func (export "load") (param i32) (result i32) (i32.load8_u (local.get 0)))
    (func (export "grow") (result i32) (memory.grow (i32.const 1))) (func (export "size") (result i32) memory.size))`;
  const a = instance(bytes, { m: { memory } }),
    b = instance(bytes, { m: { memory } });
  equal(a.memory, memory);
  new Uint8Array(memory.buffer)[5] = 66;
  same([a.load(5), b.load(5), a.grow(), b.size(), memory.buffer.byteLength, b.load(5)], [66, 66, 1, 2, 131072, 66]);
  throws(LinkError, () => instance(bytes, { m: { memory: new Memory({ initial: 1 }) } }));
  throws(LinkError, () => instance(bytes, { m: { memory: new Memory({ initial: 1, maximum: 4 }) } }));
  throws(LinkError, () => instance(bytes, { m: { memory: new Memory({ initial: 0, maximum: 3 }) } }));
  throws(LinkError, () => instance(bytes, { m: { memory: { buffer: new ArrayBuffer(65536) } } }));
});
test('memory that grows in a call is the new one after it', () => {
  const bytes = wat`(module (import "m" "f" (func)) (memory (export "memory") 1)
    (func (export "run") (result i32) (call 0)
      (i32.store (i32.const 65536) (i32.const 31)) (i32.load (i32.const 65536))))`;
  const exports = instance(bytes, { m: { f: () => exports.memory.grow(1) } });
  same([exports.run(), new Uint8Array(exports.memory.buffer)[65536]], [31, 31]);
});
test('bulk memory', () => {
  const { fill, copy, init, drop, memory } = instance(wat`(module (memory (export "memory") 1) (data $d "abcdef")
    (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
    (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
    (func (export "init") (param i32 i32 i32) (memory.init $d (local.get 0) (local.get 1) (local.get 2)))
    (func (export "drop") (data.drop $d)))`);
  const text = () => new TextDecoder().decode(new Uint8Array(memory.buffer, 0, 8));
  fill(0, 120, 8);
  init(1, 2, 4);
  equal(text(), 'xcdefxxx');
  copy(2, 1, 4);
  equal(text(), 'xccdefxx');
  throws(RuntimeError, () => init(0, 3, 4));
  throws(RuntimeError, () => fill(65530, 0, 7));
  throws(RuntimeError, () => copy(0, 65530, 7));
  throws(RuntimeError, () => fill(-1, 0, -1));
  drop();
  init(0, 0, 0);
  throws(RuntimeError, () => init(0, 0, 1));
});

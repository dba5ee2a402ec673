// Instances, and what they import: https://webassembly.github.io/spec/js-api/#instances

test('exports are a frozen object without prototype', () => {
  const made = new Instance(new Module(ADD));
  const { exports } = made;
  equal(made.exports, exports);
  equal(Object.getPrototypeOf(exports), null);
  equal(Object.isFrozen(exports), true);
  same(Object.keys(exports), ['add']);
  throws(TypeError, () => Instance.prototype.exports);
});
test('imports are looked for where the module says', () => {
  const module = new Module(wat`(module (import "m" "f" (func)))`);
  throws(TypeError, () => new Instance(module));
  throws(TypeError, () => new Instance(module, {}));
  throws(TypeError, () => new Instance(module, { m: 1 }));
  throws(TypeError, () => new Instance(module, null));
  const error = throws(LinkError, () => new Instance(module, { m: {} }));
  equal(error.message.includes('"m" "f"'), true);
  throws(LinkError, () => new Instance(module, { m: { f: 1 } }));
  new Instance(module, { m: { f() {} } });
  new Instance(new Module(EMPTY), {});
});
test('imports are read and checked one after another', () => {
  const seen = [];
  const imports = new Proxy(
    {},
    {
      get: (_, module) => (
        seen.push(module),
        module === 'b'
          ? 5
          : new Proxy(
              {},
              {
                get: (_, name) => (seen.push(name), name === 'g' ? 1 : () => 0),
              },
            )
      ),
    },
  );
  const module = (text) => new Module(WebAssembly.parseWat(text));
  throws(
    TypeError,
    () => new Instance(module('(import "a" "f" (func)) (import "b" "f" (func)) (import "c" "f" (func))'), imports),
  );
  same(seen.splice(0), ['a', 'f', 'b']);
  throws(LinkError, () => new Instance(module('(import "a" "g" (func)) (import "b" "f" (func))'), imports));
  same(seen.splice(0), ['a', 'g']);
  new Instance(module('(import "a" "g" (global i32)) (import "" "\\c3\\bf" (func))'), imports);
  same(seen, ['a', 'g', '', 'ÿ']);
});
test('the start function runs, and what it throws comes out', async () => {
  const bytes = wat`(module (import "m" "f" (func $f)) (start $f))`;
  let calls = 0;
  instance(bytes, {
    m: {
      f() {
        calls++;
      },
    },
  });
  equal(calls, 1);
  const boom = new Error('boom');
  const imports = {
    m: {
      f() {
        throw boom;
      },
    },
  };
  try {
    instance(bytes, imports);
    calls = 0;
  } catch (error) {
    equal(error, boom);
  }
  equal(calls, 1);
  await WebAssembly.instantiate(bytes, imports).then(
    () => {
      throw 1;
    },
    (error) => equal(error, boom),
  );
});

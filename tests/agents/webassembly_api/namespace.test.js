// The namespace, its interfaces and errors: https://webassembly.github.io/spec/js-api/#webassembly-namespace

test('the namespace has its members and no others', () => {
  same(Object.getOwnPropertyNames(WebAssembly).sort(), [
    'CompileError',
    'Exception',
    'Global',
    'Instance',
    'JSTag',
    'LinkError',
    'Memory',
    'Module',
    'RuntimeError',
    'Table',
    'Tag',
    'compile',
    'compileStreaming',
    'instantiate',
    'instantiateStreaming',
    'parseWat',
    'validate',
  ]);
  same(Object.keys(WebAssembly), [
    'compile',
    'compileStreaming',
    'instantiate',
    'instantiateStreaming',
    'validate',
    'JSTag',
  ]);
  equal(Object.prototype.toString.call(WebAssembly), '[object WebAssembly]');
  const { enumerable, writable, configurable } = Object.getOwnPropertyDescriptor(globalThis, 'WebAssembly');
  same([enumerable, writable, configurable], [false, true, true]);
});
test('interfaces have the shape of Web IDL', () => {
  for (const [Interface, length] of [
    [Module, 1],
    [Instance, 1],
    [Memory, 1],
    [Table, 1],
    [Global, 1],
  ]) {
    equal(Interface.length, length);
    equal(Interface.prototype[Symbol.toStringTag], `WebAssembly.${Interface.name}`);
    throws(TypeError, () => Interface({}));
    throws(TypeError, () => new Interface());
    throws(TypeError, () => new Interface(1));
  }
  same(Object.keys(Table.prototype).sort(), ['get', 'grow', 'length', 'set']);
  same(Object.keys(Module), ['exports', 'imports', 'customSections']);
  equal(Object.prototype.toString.call(new Memory({ initial: 0 })), '[object WebAssembly.Memory]');
});
test('errors are native errors by other names', () => {
  for (const Class of [CompileError, LinkError, RuntimeError]) {
    const error = Class('text', { cause: 1 });
    same([error.name, error.message, error.cause, String(error)], [Class.name, 'text', 1, `${Class.name}: text`]);
    equal(error instanceof Class && error instanceof Error, true);
    equal(Object.getPrototypeOf(Class), Error);
    equal(Object.getPrototypeOf(Class.prototype), Error.prototype);
    equal(Class.length, 1);
    equal(/wapo:|native/.test(error.stack.split('\n')[0]), false);
    equal(Object.hasOwn(new Class(), 'message'), false);
    equal(Object.getOwnPropertyDescriptor(Class, 'prototype').writable, false);
    class Sub extends Class {}
    equal(new Sub('x') instanceof Sub, true);
  }
});

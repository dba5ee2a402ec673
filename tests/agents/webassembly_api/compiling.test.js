// validate, compile, instantiate, and streaming: https://webassembly.github.io/spec/web-api/#streaming-modules

test('validate tells valid from invalid', () => {
  equal(WebAssembly.validate(ADD), true);
  equal(WebAssembly.validate(ADD.buffer), true);
  equal(WebAssembly.validate(new DataView(ADD.buffer)), true);
  equal(WebAssembly.validate(ADD.slice(0, -1)), false);
  equal(WebAssembly.validate(new Uint8Array()), false);
  throws(TypeError, () => WebAssembly.validate());
  throws(TypeError, () => WebAssembly.validate('bytes'));
});
test('compile gives a module or rejects with a CompileError', async () => {
  equal((await WebAssembly.compile(ADD)) instanceof Module, true);
  const error = await rejects(CompileError, WebAssembly.compile(ADD.slice(0, 12)));
  equal(/at byte \d+/.test(error.message), true);
  await rejects(TypeError, WebAssembly.compile());
  await rejects(TypeError, WebAssembly.compile({}));
});
test('the bytes are copied before compile returns', async () => {
  const bytes = ADD.slice();
  const promise = WebAssembly.compile(bytes);
  bytes.fill(0);
  equal(new Instance(await promise).exports.add(1, 2), 3);
});
test('instantiate gives an instance for a module, both for bytes', async () => {
  const both = await WebAssembly.instantiate(ADD);
  same(Object.keys(both), ['module', 'instance']);
  equal(both.module instanceof Module && both.instance instanceof Instance, true);
  const one = await WebAssembly.instantiate(both.module);
  equal(one instanceof Instance, true);
  equal(one.exports.add(2, 3), 5);
  await rejects(TypeError, WebAssembly.instantiate());
  await rejects(TypeError, WebAssembly.instantiate(ADD, 5));
  await rejects(CompileError, WebAssembly.instantiate(new Uint8Array(3)));
});
test('instantiateStreaming takes a Response of the right type', async () => {
  const response = (type, init) => new Response(ADD, { headers: { 'content-type': type }, ...init });
  const { instance } = await WebAssembly.instantiateStreaming(response('application/wasm'));
  equal(instance.exports.add(20, 22), 42);
  const module = await WebAssembly.compileStreaming(Promise.resolve(response('Application/WASM')));
  equal(module instanceof Module, true);
  await rejects(TypeError, WebAssembly.compileStreaming(response('text/plain')));
  await rejects(TypeError, WebAssembly.compileStreaming(response('application/wasm;x')));
  await rejects(TypeError, WebAssembly.compileStreaming(response('application/wasm', { status: 404 })));
  await rejects(TypeError, WebAssembly.compileStreaming({}));
  await rejects(
    CompileError,
    WebAssembly.compileStreaming(new Response('x', { headers: { 'content-type': 'application/wasm' } })),
  );
  const used = response('application/wasm');
  await used.arrayBuffer();
  await rejects(TypeError, WebAssembly.compileStreaming(used));
});

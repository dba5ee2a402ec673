// quickjs-wasi under Node, a machine restored from a snapshot for each request.
//   node snapshots.mjs serve PORT      answers hello JSON over HTTP
//   node snapshots.mjs time SECONDS    prints the times of requests in process, in microseconds, as JSON
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { QuickJS } from 'quickjs-wasi';

const AGENT = `function handle(url) { return JSON.stringify({ hello: 'world' }); }`;
const wasm = await WebAssembly.compile(await readFile(new URL(import.meta.resolve('quickjs-wasi/quickjs.wasm'))));
const first = await QuickJS.create({ wasm });
first.evalCode(AGENT).dispose();
const snapshot = first.snapshot();

async function answer(url) {
  using vm = await QuickJS.restore(snapshot, { wasm });
  using handle = vm.global.getProp('handle');
  using argument = vm.newString(url);
  using result = vm.callFunction(handle, vm.undefined, argument);
  return result.toString();
}

const [mode, value] = process.argv.slice(2);
if (mode === 'serve') {
  createServer(async (request, response) => {
    const body = await answer(request.url);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
  }).listen(Number(value), '127.0.0.1');
} else {
  const expected = '{"hello":"world"}';
  for (let i = 0; i < 200; i++) if ((await answer('http://localhost/')) !== expected) throw new Error('a wrong answer');
  const times = [];
  const until = performance.now() + Number(value) * 1e3;
  while (performance.now() < until) {
    const begin = performance.now();
    await answer('http://localhost/');
    times.push((performance.now() - begin) * 1e3);
    if (times.length % 50 === 0) await new Promise((done) => setImmediate(done)); // garbage of machines is collected
  }
  console.log(JSON.stringify(times));
}

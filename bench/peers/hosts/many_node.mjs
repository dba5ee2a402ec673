// Node with many agents, a worker thread for each: `node many_node.mjs FOLDER PORT`. /agent7 is answered by FOLDER/agent7.js,
// whose thread starts with its first request.
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

const [folder, port] = process.argv.slice(2);
const CODE = `
  const { parentPort, workerData } = require('node:worker_threads');
  const agent = import(workerData).then((module) => module.default);
  parentPort.on('message', async ({ id, url }) => {
    const response = await (await agent).fetch(new Request(url));
    parentPort.postMessage({ id, status: response.status, body: await response.text() });
  });`;
const threads = new Map();
let requests = 0;

function thread(name) {
  let found = threads.get(name);
  if (!found) {
    const worker = new Worker(CODE, { eval: true, workerData: pathToFileURL(`${folder}/${name}.js`).href });
    found = { worker, waiting: new Map() };
    worker.on('message', ({ id, status, body }) => {
      found.waiting.get(id).writeHead(status).end(body);
      found.waiting.delete(id);
    });
    threads.set(name, found);
  }
  return found;
}

createServer((request, response) => {
  const name = request.url.slice(1);
  if (!name) return response.end();
  const { worker, waiting } = thread(name);
  waiting.set(++requests, response);
  worker.postMessage({ id: requests, url: `http://localhost/${name}` });
}).listen(Number(port), '127.0.0.1');

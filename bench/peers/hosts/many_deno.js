// Deno with many agents, a web worker for each: `deno run -A many_deno.js FOLDER PORT`, as many_node.mjs.
const [folder, port] = Deno.args;
const CODE = URL.createObjectURL(new Blob([`
  let agent;
  self.onmessage = async ({ data: { id, url, file } }) => {
    agent ??= (await import(file)).default;
    const response = await agent.fetch(new Request(url));
    self.postMessage({ id, status: response.status, body: await response.text() });
  };`], { type: 'text/javascript' }));
const threads = new Map();
let requests = 0;

function thread(name) {
  let found = threads.get(name);
  if (!found) {
    found = { worker: new Worker(CODE, { type: 'module' }), waiting: new Map() };
    found.worker.onmessage = ({ data: { id, status, body } }) => {
      found.waiting.get(id)(new Response(body, { status }));
      found.waiting.delete(id);
    };
    threads.set(name, found);
  }
  return found;
}

Deno.serve({ hostname: '127.0.0.1', port: Number(port), onListen() {} }, (request) => {
  const name = new URL(request.url).pathname.slice(1);
  if (!name) return new Response();
  const { worker, waiting } = thread(name);
  return new Promise((done) => {
    waiting.set(++requests, done);
    worker.postMessage({ id: requests, url: `http://localhost/${name}`, file: `file://${folder}/${name}.js` });
  });
});

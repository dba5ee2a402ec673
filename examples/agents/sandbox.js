// Runs JavaScript that it is sent, each request's in a machine of its own: a code interpreter. Try it:
//   wapo serve --local examples/agents/sandbox.js
//   curl --data 'console.log("counting"); [1, 2, 3].reduce((a, b) => a + b)' http://127.0.0.1:8000/local
export default {
  async fetch(request) {
    if (request.method !== 'POST') return new Response('POST some JavaScript\n', { status: 405, headers: { allow: 'POST' } });
    const { value, error, logs } = await Wapo.run(await request.text(), { timeLimit: 5000, memoryLimit: 32 << 20 });
    return Response.json({ value, error, log: logs.map(({ message }) => message) }, { status: error === null ? 200 : 422 });
  },
};

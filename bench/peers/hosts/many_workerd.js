// workerd with many agents, an isolate for each through its worker loader: /agent7 is answered by agent7.js of the disk
// service FILES, whose isolate starts with its first request and stays.
export default {
  async fetch(request, env) {
    const name = new URL(request.url).pathname.slice(1);
    if (!name) return new Response();
    const worker = env.LOADER.get(name, async () => {
      const file = await env.FILES.fetch(`http://files/${name}.js`);
      return { compatibilityDate: '2026-01-01', mainModule: 'agent.js', modules: { 'agent.js': await file.text() } };
    });
    return worker.getEntrypoint().fetch(request);
  },
};

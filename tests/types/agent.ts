// An agent with a secret of a known shape, work after the response, a listener's event and imports by content.
interface Env {
  apiKey?: string;
}

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    ctx.waitUntil(Promise.resolve(url.pathname));
    if (url.pathname === '/dynamic') {
      const { default: text } = await import('ipfs://bafkqaaa');
      return new Response(text);
    }
    const digest = Wapo.hash('sha256', env.apiKey ?? '');
    return new Response(digest, { headers: { 'x-hex': digest.toHex(), 'x-path': url.pathname } });
  },
} satisfies Wapo.Agent<Env>;

export function listen(): void {
  addEventListener('fetch', (event) => {
    event.respondWith(new Response(event.request.method));
    event.waitUntil(Promise.resolve());
  });
}

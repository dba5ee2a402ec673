// Calls out: fetches a page and passes it on as it arrives, with a header of its own.
export default {
  async fetch(request, env, ctx) {
    const target = new URL(request.url).searchParams.get('url');
    if (!target) return new Response('usage: ?url=https://...\n', { status: 400 });
    const upstream = await fetch(target, { signal: AbortSignal.timeout(10_000) });
    ctx.waitUntil(Promise.resolve().then(() => console.log('fetched', target, upstream.status)));
    const response = new Response(upstream.body, upstream);
    response.headers.set('x-fetched-by', 'wapo');
    return response;
  },
};

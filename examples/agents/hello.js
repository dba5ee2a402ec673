// The smallest agent: a request in, a response out, in a machine of its own.
export default {
  async fetch(request) {
    const url = new URL(request.url);
    return Response.json({ hello: url.searchParams.get('name') ?? 'world', method: request.method, path: url.pathname });
  },
};

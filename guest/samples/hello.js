export default {
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    return Response.json({ hello: searchParams.get('name') ?? 'world', method: request.method, path: pathname });
  },
};

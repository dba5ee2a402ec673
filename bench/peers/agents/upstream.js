// One request out for one in: what comes back is parsed and passed on.
export default {
  async fetch(request) {
    const response = await fetch(new URL(request.url).searchParams.get('to'));
    return Response.json({ status: response.status, got: await response.json() });
  },
};

export default {
  async fetch(request) {
    const sent = await request.json();
    return Response.json({ sent, keys: Object.keys(sent) });
  },
};

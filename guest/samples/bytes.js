export default {
  async fetch(request) {
    const bytes = new Uint8Array(await request.arrayBuffer());
    return new Response(bytes.map((byte) => byte ^ 1));
  },
};

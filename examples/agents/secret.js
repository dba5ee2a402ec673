// A secret that only this program gets: call it with ?key=<key>, as `wapo secret set` prints it.
export default {
  async fetch(request, env) {
    if (!env.apiKey) return new Response('no secret: call me with ?key=...\n', { status: 401 });
    // Prove that it is there, and do not print it.
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(env.apiKey));
    return Response.json({ length: env.apiKey.length, sha256: new Uint8Array(digest).toHex() });
  },
};

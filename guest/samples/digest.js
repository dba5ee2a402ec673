export default {
  async fetch() {
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc'));
    return new Response([...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join(''));
  },
};

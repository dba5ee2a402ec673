export default {
  async fetch() {
    const bytes = new TextEncoder().encode('abc');
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const key = await crypto.subtle.importKey('raw', bytes, algorithm, false, ['sign', 'verify']);
    const signature = new Uint8Array(await crypto.subtle.sign('HMAC', key, bytes));
    return new Response(`${btoa(String.fromCharCode(...signature))} ${crypto.randomUUID()}`);
  },
};

// A response that is written as it comes: each line leaves when it is made.
export default {
  async fetch() {
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    const encoder = new TextEncoder();
    (async () => {
      for (let i = 1; i <= 5; i++) {
        await writer.write(encoder.encode(`line ${i}\n`));
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      await writer.close();
    })();
    return new Response(readable, { headers: { 'content-type': 'text/plain' } });
  },
};

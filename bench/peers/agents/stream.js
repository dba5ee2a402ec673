// 10 MB as a stream, in chunks of 64 KiB, each made when it is asked for.
const CHUNKS = 160;
const chunk = new Uint8Array(65536).fill(120);

export default {
  fetch() {
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (sent++ < CHUNKS) controller.enqueue(chunk.slice());
        else controller.close();
      },
    });
    return new Response(body, { headers: { 'content-type': 'application/octet-stream' } });
  },
};

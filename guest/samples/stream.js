export default {
  fetch() {
    const encoder = new TextEncoder();
    let n = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (n++ < 3) controller.enqueue(encoder.encode(`data: ${n}\n\n`));
        else controller.close();
      },
    });
    return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
  },
};

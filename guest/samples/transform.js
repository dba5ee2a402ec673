export default {
  fetch(request, env, ctx) {
    const { readable, writable } = new TransformStream();
    const writer = writable.getWriter();
    const write = async () => {
      for (const text of ['a', 'b']) await writer.write(new TextEncoder().encode(text));
      await writer.close();
    };
    ctx.waitUntil(write());
    return new Response(readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextEncoderStream()));
  },
};

export default {
  async fetch(request) {
    try {
      await fetch(`${request.headers.get('x-upstream')}/slow`, { signal: AbortSignal.timeout(1) });
    } catch (error) {
      return new Response(error.name);
    }
    return new Response('early');
  },
};

export default {
  async fetch(request) {
    const target = new URL(new URL(request.url).pathname, request.headers.get('x-upstream'));
    const answer = await fetch(new Request(target, request));
    return new Response(answer.body, answer);
  },
};

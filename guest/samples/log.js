export default {
  async fetch(request) {
    console.log('a', 1, { b: [2] }, 'c');
    console.log(request.method, request.url);
    return new Response(null, { status: 204 });
  },
};

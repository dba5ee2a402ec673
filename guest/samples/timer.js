export default {
  async fetch() {
    const never = setTimeout(() => {}, 1000);
    await new Promise((done) => setTimeout(done, 1));
    clearTimeout(never);
    return new Response('late');
  },
};

export default {
  async fetch() {
    try {
      null.x;
    } catch (error) {
      console.error('caught', error);
    }
    try {
      return new Response(new URL('nonsense').href);
    } catch (error) {
      return new Response(error.message, { status: 400 });
    }
  },
};

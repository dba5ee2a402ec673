export default {
  async fetch() {
    throw new Error('no');
  },
};

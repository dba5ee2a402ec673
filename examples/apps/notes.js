// An app that keeps notes: over HTTP, by queries, and from one start to the next. Try it with a node that runs a worker:
//   wapo app deploy examples/apps/notes.js
//   curl --data 'milk' http://127.0.0.1:8002/app/<address>/shopping
//   wapo app query notes /shopping
const stored = Wapo.bootData();
const notes = new Map(stored === null ? [] : JSON.parse(Wapo.utf8Decode(stored)));

Wapo.queryListen(({ path, replyTx }) => {
  Wapo.queryReply(replyTx, notes.get(path) ?? '');
});

export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (request.method === 'POST') {
      notes.set(pathname, await request.text());
      Wapo.storeBootData(JSON.stringify([...notes])); // at most 64 KiB, sealed
      return new Response(null, { status: 204 });
    }
    if (!notes.has(pathname)) return new Response('no such note\n', { status: 404 });
    return new Response(notes.get(pathname));
  },
};

export default {
  fetch() {
    const { 0: client, 1: server } = new WebSocketPair();
    server.accept();
    server.addEventListener('message', ({ data }) => server.send(data));
    server.close();
    return new Response(null, { status: 101, webSocket: client });
  },
};

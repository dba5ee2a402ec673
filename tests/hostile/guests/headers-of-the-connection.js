// attack: header splitting
// promise: headers that frame a message, or rule the connection, are the host's
// limit: none
// ends: 200
// answer: held, and longer than three bytes
export default { async fetch(request, env, ctx) {
  const headers = [['content-length', '3'], ['transfer-encoding', 'chunked'], ['connection', 'close, x-a'], ['keep-alive', 'x'],
    ['upgrade', 'h2c'], ['trailer', 'x'], ['te', 'x'], ['proxy-connection', 'x'], ['date', 'x'], ['server', 'x'], ['x-wapo-error', 'x']];
  return new Response('held, and longer than three bytes', { headers });
} };

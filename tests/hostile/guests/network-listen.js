// attack: network
// promise: only who was allowed to listens on a port
// limit: none
// ends: 200
// answer: held
export default { async fetch() {
  const found = [];
  const net = require('net');
  await new Promise((done) => { try { net.createServer().on('error', () => done()).listen(0, () => { found.push('net'); done(); }); } catch { done(); } });
  try { const { listen } = await import('wapo:sockets'); await listen({ port: 0 }); found.push('wapo:sockets'); } catch {}
  try { Wapo.httpsListen({ address: '0.0.0.0:0' }, () => {}); found.push('httpsListen'); } catch {}
  return new Response(found.join() || 'held');
} };

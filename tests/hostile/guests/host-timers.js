// attack: host memory
// promise: timers are the machine's memory and not the host's
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  let fired = 0;
  for (let i = 0; i < 3000; i++) setTimeout(() => fired++, i % 7);
  const late = Array.from({ length: 5000 }, () => setTimeout(() => {}, 1e8));
  await new Promise((r) => setTimeout(r, 300));
  late.forEach(clearTimeout);
  return new Response(fired === 3000 ? 'held' : String(fired));
} };

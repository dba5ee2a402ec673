// attack: starving the loop
// promise: no program keeps the event loop for longer than a slice: a storm of wakes
// limit: time
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  let fired = 0;
  for (let i = 0; i < 2000; i++) (function again() { setTimeout(() => { fired++; again(); }, i % 3); })();
  await new Promise((r) => setTimeout(r, 400));
  return new Response(fired > 0 ? 'held' : 'nothing');
} };

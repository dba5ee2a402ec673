// attack: starving the loop
// promise: between two waits a program gets so much CPU, whatever it spends it on
// limit: time
// ends: 500 burst_limit or 504 time_limit or 200
export default { async fetch(request, env, ctx) {
  const at = (path) => `http://${new URL(request.url).searchParams.get('evil')}/${path}`;
  let count = 0;
  for (let i = 0; i < 8; i++) new EventSource(at('events')).onmessage = () => count++;
  await new Promise((r) => setTimeout(r, 1500));
  return new Response(count > 0 ? 'held' : 'nothing');
} };

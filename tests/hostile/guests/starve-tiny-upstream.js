// attack: starving the loop
// promise: no program keeps the event loop for longer than a slice: an upstream of tiny chunks
// limit: time
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const at = (path) => `http://${new URL(request.url).searchParams.get('evil')}/${path}`;
  let size = 0;
  const ends = Date.now() + 1000;
  const reader = (await fetch(at('tiny'))).body.getReader();
  while (Date.now() < ends) size += (await reader.read()).value.length;
  await reader.cancel();
  return new Response(size > 0 ? 'held' : 'nothing');
} };

// attack: time
// promise: the time limit goes on while an upstream drips its head
// limit: time
// ends: 504 time_limit
// log: the time limit of 2 s was reached
export default { async fetch(request, env, ctx) {
  const response = await fetch(`http://${new URL(request.url).searchParams.get('evil')}/drip-head`);
  return new Response(await response.text());
} };

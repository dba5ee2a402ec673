// attack: memory
// promise: a compressed body becomes as large as the machine's memory lets it, and no larger
// limit: memory
// ends: 500 memory_limit
// log: out of memory
export default { async fetch(request, env, ctx) {
  return new Response(await (await fetch(`http://${new URL(request.url).searchParams.get('evil')}/bomb`)).text());
} };

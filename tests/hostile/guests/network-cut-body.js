// attack: network
// promise: a body that was cut short is an error, not a short body
// limit: none
// ends: 200
// answer: TypeError
export default { async fetch(request) {
  const at = (path) => `http://${new URL(request.url).searchParams.get('evil')}/${path}`;
  return new Response(await fetch(at('short')).then((r) => r.text()).catch((e) => e.name));
} };

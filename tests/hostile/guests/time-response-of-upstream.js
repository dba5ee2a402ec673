// attack: time
// promise: a response has so many bytes, an upstream's that is handed on too
// limit: response
// ends: 200 cut
// log: larger than the 8388608 bytes allowed
export default { async fetch(request, env, ctx) {
  return fetch(`http://${new URL(request.url).searchParams.get('evil')}/endless`);
} };

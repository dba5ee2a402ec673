// attack: time
// promise: redirects are followed so often, and no longer than the run has time
// limit: none
// ends: 500 outgoing_limit
// log: outgoing requests and connections
export default { async fetch(request, env, ctx) {
  for (;;) { try { await fetch(`http://${new URL(request.url).searchParams.get('evil')}/redirect?to=/redirect?to=/redirect`); } catch {} }
} };

// attack: time
// promise: redirects are followed so often, and no longer than the run has time
// limit: time
// ends: 504 time_limit
// log: the time limit of 2 s was reached
export default { async fetch(request, env, ctx) {
  for (;;) { try { await fetch(`http://${new URL(request.url).searchParams.get('evil')}/redirect?to=/redirect?to=/redirect`); } catch {} }
} };

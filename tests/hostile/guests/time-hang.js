// attack: time
// promise: an upstream that never answers is waited for as long as the run has time
// limit: time
// ends: 504 time_limit
// log: the time limit of 2 s was reached
export default { async fetch(request, env, ctx) {
  await fetch(`http://${new URL(request.url).searchParams.get('evil')}/hang`);
} };

// attack: time
// promise: a run has so much time, whatever it waits for
// limit: time
// ends: 504 time_limit
// log: the time limit of 2 s was reached
export default { async fetch(request, env, ctx) {
  await new Promise((resolve) => setInterval(() => {}, 100));
} };

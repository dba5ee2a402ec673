// attack: time
// promise: a storm of timers is not the end of its neighbours, and has the time of any other run
// limit: time
// ends: 504 time_limit
// log: the time limit of 2 s was reached
export default { async fetch(request, env, ctx) {
  await new Promise(() => { (function again() { setTimeout(again, 0); })(); for (let i = 0; i < 1000; i++) setInterval(() => {}, 1); });
} };

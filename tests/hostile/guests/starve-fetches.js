// attack: starving the loop
// promise: between two waits a program gets so much CPU, whatever it spends it on
// limit: time
// ends: 500 burst_limit or 504 time_limit
// log: the machine was ended
export default { async fetch(request, env, ctx) {
  const again = () => fetch('http://127.0.0.1:1/').catch(() => {}).then(again);
  for (let i = 0; i < 100; i++) again();
  await new Promise(() => {});
} };

// attack: starving the loop
// promise: no program keeps the event loop for longer than a slice: two ports that answer each other
// limit: time
// ends: 500 burst_limit or 504 time_limit
// log: the machine was ended
export default { async fetch(request, env, ctx) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = port2.onmessage = (e) => e.target.postMessage(e.data);
  for (let i = 0; i < 100; i++) port1.postMessage(i);
  await new Promise(() => {});
} };

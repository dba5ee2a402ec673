// attack: log
// promise: a run's log has so many bytes, and says how many lines were dropped
// limit: none
// ends: 200
// answer: held
// log: log lines were dropped
export default { async fetch(request, env, ctx) {
  const line = 'x'.repeat(1000);
  for (let i = 0; i < 20000; i++) console.log(line);
  return new Response('held');
} };

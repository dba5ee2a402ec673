// attack: log
// promise: a run's log has so many bytes, however they are cut into lines
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  for (let i = 0; i < 20; i++) console.log('\u{1f4a3}'.repeat(2e5));
  console.log(new Array(1e5).fill({ a: [1] }));
  return new Response('held');
} };

// attack: killing the worker
// promise: a million rejections that nobody handles are sixteen lines, and no end of the process
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  for (let i = 0; i < 5e4; i++) Promise.reject(new Error(`${i}`));
  await null;
  return new Response('held');
} };

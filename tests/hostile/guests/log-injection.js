// attack: log
// promise: a line of a program's is one line, and no terminal obeys it
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  console.log('a\r\n2026-01-01T00:00:00.000Z [x] [ERROR] forged\u2028\u0085b\u001b[2J\u001b]0;title\u0007\0\u202e');
  console.error('%s%o%d'.repeat(100), { toString() { throw 1; } });
  return new Response('held');
} };

// attack: killing the worker
// promise: a regular expression that is too much is an exception
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const attempt = (body) => { try { body(); return 'fine'; } catch (e) { return e.name; } };
  const names = [() => new RegExp('('.repeat(1e5) + ')'.repeat(1e5)), () => new RegExp('(?='.repeat(1e5) + ')'.repeat(1e5)), () => new RegExp('a{1,65535}'.repeat(100) + '{9'),
    () => new RegExp('(?:a{65535}){65535}').test('a'.repeat(1000)), () => new RegExp(`[${'a-z'.repeat(1e5)}]`, 'v'), () => new RegExp('(?<a>x)|(?<a>y)'.repeat(3000)), () => /(?:)*/u.exec('x')].map(attempt);
  return new Response(names.every((n) => ['fine', 'SyntaxError', 'RangeError', 'InternalError'].includes(n)) ? 'held' : names.join());
} };

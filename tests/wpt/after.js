// Comes after testharness.js and before the test's scripts: each result is a line of the log, so that those that are
// there before a crash or a timeout count.
let tellThatScriptsAreEvaluated;
{
  const log = console.log.bind(console), stringify = JSON.stringify, mark = scriptArgs[2];
  const tell = (kind, ...values) => log(`${mark}${stringify([kind, ...values])}`);
  tellThatScriptsAreEvaluated = () => tell('evaluated');
  add_result_callback(({ name, status, message }) => tell('result', name, status, String(message ?? '').slice(0, 300)));
  add_completion_callback((_tests, { status, message }) => tell('done', status, String(message ?? '').slice(0, 300)));
}

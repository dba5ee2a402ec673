// Runs the cases: after them. What is wrong with each goes to the test, by its name.
(async () => {
  const results = {};
  for (const [name, body] of cases) {
    try {
      await body();
      results[name] = '';
    } catch (error) {
      results[name] = String(error?.stack && `${error}\n${error.stack}`) || String(error);
    }
  }
  globalThis.scriptOutput = JSON.stringify(results);
})();

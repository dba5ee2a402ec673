// Bundles the agents: node build.mjs. The scripts go to ./dist.
import { readdirSync } from 'node:fs';
import { build } from 'esbuild';

const common = { bundle: true, minify: false, target: 'es2022', platform: 'browser', logLevel: 'error' };

// What the public template's recipe emits: one classic script that leaves a function in module.exports.
await build({
  ...common,
  entryPoints: ['hono-agent.js'],
  outfile: 'dist/hono-agent.js',
  format: 'iife',
  globalName: 'module.exports',
  banner: { js: 'var module = module || { exports: {} };' },
  footer: { js: 'module.exports = module.exports?.default;' },
});
// What `phat-fn build --experimentalAsync` emits: the default export called with scriptArgs, its result in scriptOutput.
await build({
  ...common,
  entryPoints: ['openai-agent.js'],
  outfile: 'dist/openai-agent.js',
  format: 'iife',
  globalName: '__entry',
  footer: {
    js: `__entry.default(...scriptArgs).then((r) => { globalThis.scriptOutput = r; })
      .catch((error) => { globalThis.scriptOutput = JSON.stringify({ error, success: false }); });`,
  },
});
for (const name of ['hono-fetch-agent', 'openai-stream-agent']) {
  await build({ ...common, entryPoints: [`${name}.js`], outfile: `dist/${name}.js`, format: 'esm' });
}
// Programs that use a package, as one bundles for the web and as one bundles for Node: with `require` in ES modules.
const paths = (names) => names.map((name) => `packages/${name}`);
const names = readdirSync('packages');
// What has no other build than that for Node.
const onlyNode = ['jose4.js', 'jsonwebtoken.js'];
const entryPoints = paths(names);
await build({
  ...common,
  entryPoints: paths(names.filter((name) => !onlyNode.includes(name))),
  outdir: 'dist/browser',
  format: 'esm',
  external: ['node:*'],
});
const makeRequire = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
await build({
  ...common,
  entryPoints,
  outdir: 'dist/node',
  format: 'esm',
  platform: 'node',
  conditions: ['import', 'module'],
  mainFields: ['module', 'main'],
  banner: { js: makeRequire },
});

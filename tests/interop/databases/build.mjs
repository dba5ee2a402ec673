// Bundles the programs as one bundles for Node: node build.mjs. The scripts go to ./dist.
import { readdirSync } from 'node:fs';
import { build } from 'esbuild';

await build({
  bundle: true,
  entryPoints: readdirSync('programs').map((name) => `programs/${name}`),
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  format: 'esm',
  platform: 'node',
  target: 'es2022',
  external: ['pg-native'],
  logLevel: 'error',
  banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
});

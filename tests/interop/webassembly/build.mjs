// Bundles the agents, with their modules as bytes in the script: node build.mjs. The scripts go to ./dist.
import { build } from 'esbuild';

await build({
  entryPoints: ['automerge-agent.js', 'hash-agent.js', 'loro-agent.js', 'sql-agent.js', 'tree-sitter-agent.js'],
  outdir: 'dist',
  bundle: true,
  format: 'esm',
  target: 'es2022',
  platform: 'browser',
  loader: { '.wasm': 'binary' },
  external: ['module', 'fs', 'fs/promises', 'path'], // what web-tree-sitter imports in Node.js only
  logLevel: 'error',
});

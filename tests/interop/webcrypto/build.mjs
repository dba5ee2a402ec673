// Bundles the agents: node build.mjs. The scripts go to ./dist.
import { build } from 'esbuild';

for (const name of ['jose-agent', 'noble-agent']) {
  await build({
    bundle: true,
    minify: false,
    target: 'es2022',
    platform: 'browser',
    logLevel: 'error',
    format: 'esm',
    entryPoints: [`${name}.js`],
    outfile: `dist/${name}.js`,
  });
}

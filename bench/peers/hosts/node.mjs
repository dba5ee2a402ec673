// Node with an agent: `node node.mjs AGENT PORT`. @hono/node-server is the quickest adapter of fetch handlers there is.
import { pathToFileURL } from 'node:url';
import { serve } from '@hono/node-server';

const [file, port] = process.argv.slice(2);
const { default: agent } = await import(pathToFileURL(file).href);
serve({ fetch: (request) => agent.fetch(request), hostname: '127.0.0.1', port: Number(port) });

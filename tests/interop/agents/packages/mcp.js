// @modelcontextprotocol/sdk: a server over HTTP. Each request has a machine of its own, so there is no session.
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { WebStandardStreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js';
import { z } from 'zod';

function makeServer() {
  const server = new McpServer({ name: 'agent', version: '1.0.0' });
  server.registerTool(
    'add',
    { description: 'Adds', inputSchema: { a: z.number(), b: z.number() } },
    async ({ a, b }) => ({ content: [{ type: 'text', text: String(a + b) }] }),
  );
  server.registerResource('greeting', 'greeting://hello', { mimeType: 'text/plain' }, async (uri) => ({
    contents: [{ uri: uri.href, text: 'Hello' }],
  }));
  server.registerPrompt('ask', { argsSchema: { topic: z.string() } }, ({ topic }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Tell me about ${topic}` } }],
  }));
  return server;
}

export default {
  async fetch(request) {
    const transport = new WebStandardStreamableHTTPServerTransport({
      sessionIdGenerator: undefined,
      enableJsonResponse: new URL(request.url).searchParams.has('json'),
    });
    await makeServer().connect(transport);
    return transport.handleRequest(request);
  },
};

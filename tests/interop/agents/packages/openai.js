// openai: completions, streaming, tools, parsed output, errors
import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
const client = new OpenAI({
  apiKey: 'sk',
  baseURL: process.env.SERVER + '/v1',
  maxRetries: 0,
  dangerouslyAllowBrowser: true,
});
const messages = [{ role: 'user', content: 'hi' }];
const c = await client.chat.completions.create({ model: 'm', messages });
console.log(c.choices[0].message.content, c.usage.total_tokens);
const stream = await client.chat.completions.create({ model: 'm', messages, stream: true });
let words = [];
for await (const part of stream) words.push(part.choices[0]?.delta?.content ?? '');
console.log(words.join('|'));
const tools = [
  {
    type: 'function',
    function: { name: 'weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  },
];
const t = await client.chat.completions.create({ model: 'm', messages, tools });
console.log(t.choices[0].finish_reason, t.choices[0].message.tool_calls[0].function.arguments);
const runner = client.chat.completions.runTools({
  model: 'm',
  messages,
  stream: true,
  tools: [
    {
      type: 'function',
      function: {
        name: 'weather',
        parse: JSON.parse,
        parameters: { type: 'object', properties: {} },
        function: async ({ city }) => `sunny in ${city}`,
      },
    },
  ],
});
const events = [];
runner
  .on('functionToolCall', (c) => events.push('call ' + c.name))
  .on('content', (d) => events.push(d))
  .on('functionToolCallResult', (r) => events.push('result ' + r));
console.log(await runner.finalContent(), events.join('|'));
const parsed = await client.chat.completions.parse({
  model: 'm',
  messages,
  response_format: zodResponseFormat(z.object({ name: z.string(), age: z.number() }), 'user'),
});
console.log(JSON.stringify(parsed.choices[0].message.parsed));
const s2 = client.chat.completions.stream({ model: 'm', messages });
s2.on('error', () => {});
console.log((await s2.finalMessage()).content);
const e = await new OpenAI({
  apiKey: 'x',
  baseURL: process.env.SERVER + '/nope',
  maxRetries: 0,
  dangerouslyAllowBrowser: true,
}).chat.completions
  .create({ model: 'm', messages })
  .catch((e) => e);
console.log(e instanceof OpenAI.NotFoundError, e.status);
console.log(
  await client.chat.completions
    .create({ model: 'm', messages }, { signal: AbortSignal.abort() })
    .catch((e) => e instanceof OpenAI.APIUserAbortError),
);

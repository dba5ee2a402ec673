// @anthropic-ai/sdk: messages, streaming, tools, errors
import Anthropic from '@anthropic-ai/sdk';
const client = new Anthropic({
  apiKey: 'sk',
  baseURL: process.env.SERVER,
  maxRetries: 0,
  dangerouslyAllowBrowser: true,
});
const messages = [{ role: 'user', content: 'hi' }];
const base = { model: 'm', max_tokens: 10, messages };
const m = await client.messages.create(base);
console.log(m.content[0].text, m.usage.output_tokens);
const stream = await client.messages.create({ ...base, stream: true });
const kinds = [];
for await (const e of stream) kinds.push(e.type);
console.log(kinds.join());
const s = client.messages.stream(base);
const texts = [];
s.on('text', (t) => texts.push(t));
console.log((await s.finalMessage()).content[0].text, texts.length);
const tools = [
  { name: 'weather', description: 'w', input_schema: { type: 'object', properties: { city: { type: 'string' } } } },
];
const t = await client.messages.stream({ ...base, tools }).finalMessage();
console.log(t.stop_reason, JSON.stringify(t.content[1].input));
const after = await client.messages.create({
  ...base,
  tools,
  messages: [
    ...messages,
    { role: 'assistant', content: t.content },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: t.content[1].id, content: 'sunny' }] },
  ],
});
console.log(after.content[0].text);
const e = await new Anthropic({
  apiKey: 'x',
  baseURL: process.env.SERVER + '/nope',
  maxRetries: 0,
  dangerouslyAllowBrowser: true,
}).messages
  .create(base)
  .catch((e) => e);
console.log(e instanceof Anthropic.NotFoundError, e.status);

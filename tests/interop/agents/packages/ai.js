// ai: generateText and streamText, tools, responses
import { generateText, streamText, tool, stepCountIs, generateObject, jsonSchema } from 'ai';
import { createOpenAI } from '@ai-sdk/openai';
import { z } from 'zod';
const openai = createOpenAI({ apiKey: 'sk', baseURL: process.env.SERVER + '/v1' });
const model = openai.chat('m');
const r = await generateText({ model, prompt: 'hi' });
console.log(r.text, r.usage.totalTokens, r.finishReason);
const s = streamText({ model, prompt: 'hi' });
const parts = [];
for await (const t of s.textStream) parts.push(t);
console.log(parts.join('|'), await s.finishReason);
const t = await generateText({
  model,
  prompt: 'weather?',
  stopWhen: stepCountIs(3),
  tools: {
    weather: tool({
      description: 'w',
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => `sunny in ${city}`,
    }),
  },
});
console.log(t.text, t.steps.length, JSON.stringify(t.steps[0].toolCalls.map((c) => [c.toolName, c.input])));
const st = streamText({
  model,
  prompt: 'weather?',
  stopWhen: stepCountIs(3),
  tools: {
    weather: tool({
      description: 'w',
      inputSchema: z.object({ city: z.string() }),
      execute: async ({ city }) => `rain in ${city}`,
    }),
  },
});
const types = [];
for await (const p of st.fullStream) types.push(p.type);
console.log([...new Set(types)].join());
const response = streamText({ model, prompt: 'hi' }).toTextStreamResponse();
console.log(response.headers.get('content-type'), await response.text());
const ui = streamText({ model, prompt: 'hi' }).toUIMessageStreamResponse();
console.log((await ui.text()).split('\n').filter(Boolean).length);

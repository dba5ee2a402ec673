// @langchain/core: prompts, chains, streaming, tools, events
import { ChatPromptTemplate, PromptTemplate } from '@langchain/core/prompts';
import { RunnableLambda, RunnableSequence, RunnablePassthrough, RunnableParallel } from '@langchain/core/runnables';
import { StringOutputParser, JsonOutputParser } from '@langchain/core/output_parsers';
import { FakeListChatModel, FakeStreamingChatModel } from '@langchain/core/utils/testing';
import { HumanMessage, AIMessage, SystemMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { Document } from '@langchain/core/documents';
import { z } from 'zod';
const prompt = ChatPromptTemplate.fromMessages([
  ['system', 'You are {role}'],
  ['human', '{question}'],
]);
console.log(
  (await prompt.invoke({ role: 'R', question: 'Q?' }))
    .toChatMessages()
    .map((m) => `${m.getType()}:${m.content}`)
    .join('|'),
);
const model = new FakeListChatModel({ responses: ['{"a": 1}', 'second answer'] });
const chain = prompt.pipe(model).pipe(new JsonOutputParser());
console.log(JSON.stringify(await chain.invoke({ role: 'R', question: 'Q' })));
const out = [];
for await (const c of await RunnableSequence.from([prompt, model, new StringOutputParser()]).stream({
  role: 'R',
  question: 'Q',
}))
  out.push(c);
console.log(out.join(''), out.length);
const par = RunnableParallel.from({ double: RunnableLambda.from((x) => x * 2), same: new RunnablePassthrough() });
console.log(JSON.stringify(await par.batch([1, 2])));
const weather = tool(async ({ city }) => `sunny in ${city}`, {
  name: 'weather',
  description: 'w',
  schema: z.object({ city: z.string() }),
});
console.log(
  await weather.invoke({ city: 'Paris' }),
  await weather.invoke({ city: 5 }).catch((e) => e.constructor.name),
);
const events = [];
for await (const e of chain.streamEvents({ role: 'R', question: 'Q' }, { version: 'v2' })) events.push(e.event);
console.log(
  [...new Set(events)].sort().join(),
  new Document({ pageContent: 'x' }).pageContent,
  await PromptTemplate.fromTemplate('{a}!').format({ a: 1 }),
);
let seen;
const inner = RunnableLambda.from(async (x, config) => {
  seen = config.tags;
  return x;
});
await RunnableLambda.from(async (x) => inner.invoke(x)).invoke(1, { tags: ['outer'] });
console.log(JSON.stringify(seen));
const retry = RunnableLambda.from(
  (() => {
    let n = 0;
    return () => {
      if (n++ < 1) throw new Error('once');
      return 'ok';
    };
  })(),
).withRetry({ stopAfterAttempt: 2 });
console.log(
  await retry.invoke(1),
  await RunnableLambda.from(() => {
    throw new Error('x');
  })
    .withFallbacks([RunnableLambda.from(() => 'fallback')])
    .invoke(1),
);

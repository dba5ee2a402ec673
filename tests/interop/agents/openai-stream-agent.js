// The fetch convention with the OpenAI SDK: passes the completion on as it comes.
import OpenAI from 'openai';

export default {
  async fetch(request, env) {
    const client = new OpenAI({ apiKey: env.apiKey, baseURL: env.baseURL, maxRetries: 0 });
    const question = new URL(request.url).searchParams.get('question');
    const completion = await client.chat.completions.create({
      model: 'mock', stream: true, messages: [{ role: 'user', content: question }],
    });
    const encoder = new TextEncoder();
    const body = ReadableStream.from((async function* () {
      for await (const part of completion) yield encoder.encode(part.choices[0]?.delta?.content ?? '');
    })());
    return new Response(body, { headers: { 'content-type': 'text/plain' } });
  },
};

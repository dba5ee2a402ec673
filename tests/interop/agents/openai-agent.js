// The classic template with the OpenAI SDK: asks a model, and answers with what was streamed.
import OpenAI from 'openai';

export default async function main(request) {
  const { queries, secret } = JSON.parse(request);
  const client = new OpenAI({ apiKey: secret.apiKey, baseURL: secret.baseURL, maxRetries: 0 });
  const stream = await client.chat.completions.create({
    model: 'mock', stream: true, messages: [{ role: 'user', content: queries.question[0] }],
  });
  const pieces = [];
  for await (const part of stream) pieces.push(part.choices[0]?.delta?.content ?? '');
  return JSON.stringify({
    status: 200, headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ answer: pieces.join(''), pieces: pieces.length }),
  });
}

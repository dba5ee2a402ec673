// An agent of several files: publish the directory, and call /ipfs/<cid>/main.js?name=you&lang=de.
import words from './words.json' with { type: 'json' };
import { greet } from './lib/greet.js';

export default {
  async fetch(request) {
    const { searchParams } = new URL(request.url);
    const language = searchParams.get('lang') ?? 'en';
    if (!Object.hasOwn(words, language)) return new Response('unknown language\n', { status: 400 });
    return new Response(`${greet(words[language], searchParams.get('name') ?? 'world')}\n`);
  },
};

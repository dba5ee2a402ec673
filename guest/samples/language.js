// What programs use of the language itself.
const counts = (words) => new Map(words.map((word) => [word, word.length]));

async function* entries(words) {
  for (const [word, length] of counts(words)) yield { word, length, at: new Date(0).toISOString() };
}

export default {
  async fetch() {
    const words = 'the quick brown fox'.split(' ').map((word) => word[0].toUpperCase() + word.slice(1));
    const out = [];
    for await (const entry of entries(words)) out.push({ ...entry, big: 2n ** 64n > 1n, copy: structuredClone([entry]) });
    out.sort((a, b) => b.length - a.length || a.word.localeCompare(b.word));
    const text = JSON.stringify(out, null, 2).replace(/o(\w)/g, (_, letter) => letter);
    return new Response(text, { headers: [['set-cookie', 'a=b'], ['set-cookie', 'c=d']] });
  },
};

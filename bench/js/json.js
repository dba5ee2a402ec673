// JSON both ways: a list of records as an API sends it.
function main() {
  const records = Array.from({ length: 2000 }, (_, i) => ({
    id: i, name: `user ${i}`, email: `user${i}@example.org`, active: i % 3 === 0, score: i / 7, tags: ['a', 'b', String(i)],
  }));
  let length = 0;
  for (let round = 0; round < 12; round++) {
    const text = JSON.stringify({ round, records });
    length += text.length + JSON.parse(text).records.length;
  }
  return length;
}

// Calls: closures, array methods, spread and destructuring, as applications use them.
function main() {
  let sum = 0;
  for (let round = 0; round < 60; round++) {
    const items = Array.from({ length: 1000 }, (_, i) => ({ id: i, tags: [i % 7, i % 11] }));
    const chosen = items.filter(({ tags: [a] }) => a < 4).map((item) => ({ ...item, score: item.tags.reduce((x, y) => x + y, 0) }));
    for (const { id, score } of chosen) sum += (id ^ score) & 255;
    sum += [...chosen.keys()].some((key) => key > 9999) ? 1 : 0;
  }
  return sum;
}

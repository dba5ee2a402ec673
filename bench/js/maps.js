// Maps, sets and properties with computed names.
function main() {
  const map = new Map(), set = new Set(), object = {};
  let hits = 0;
  for (let i = 0; i < 90000; i++) {
    const key = `k${(i * 7919) % 5003}`;
    map.set(key, (map.get(key) ?? 0) + 1);
    object[key] = (object[key] ?? 0) + i;
    set.add(i % 1013);
    if (set.has((i * 31) % 2026)) hits++;
  }
  return hits + map.size + Object.keys(object).length;
}

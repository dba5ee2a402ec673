// Sorting: numbers with a comparison, strings without.
function main() {
  let seed = 42, check = 0;
  const next = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff);
  for (let round = 0; round < 4; round++) {
    const numbers = Array.from({ length: 12000 }, next).sort((a, b) => a - b);
    const strings = numbers.slice(0, 3000).map((n) => (n % 997).toString(36)).sort();
    check += numbers[6000] % 1000 + strings[1500].length;
  }
  return check;
}

// Regular expressions: words, dates and addresses found and replaced in text.
function main() {
  const line = 'On 2026-11-27 at 12:34, alice@example.org wrote "hello, world" to bob.smith@mail.example.com about item #4711; ';
  const text = line.repeat(60);
  let count = 0;
  for (let round = 0; round < 10; round++) {
    count += [...text.matchAll(/(\d{4})-(\d\d)-(\d\d)/g)].length;
    count += (text.match(/[\w.]+@[\w.]+\.\w+/g) ?? []).length;
    count += text.replace(/\b([a-z])(\w*)\b/g, (_, a, rest) => a.toUpperCase() + rest).length;
    count += text.split(/[;,:]\s*/).length;
  }
  return count;
}

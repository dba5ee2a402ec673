// Asynchronous code: awaits and generators. The result is there when the jobs are done.
async function step(n) {
  return n & 1 ? n : await null ?? n;
}
function* numbers(n) {
  for (let i = 0; i < n; i++) yield i;
}
async function main() {
  let sum = 0;
  for (const i of numbers(40000)) sum += await step(i);
  return sum;
}

// Allocation and garbage collection: complete binary trees, made and counted.
function make(depth) {
  return depth === 0 ? { left: null, right: null } : { left: make(depth - 1), right: make(depth - 1) };
}
function count(tree) {
  return tree.left === null ? 1 : 1 + count(tree.left) + count(tree.right);
}
function main() {
  let total = 0;
  for (let round = 0; round < 16; round++) total += count(make(13));
  return total;
}

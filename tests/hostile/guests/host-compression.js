// attack: host memory
// promise: a small body that becomes a large one is unpacked as it is read
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const packed = new Uint8Array(await new Response(new Blob([new Uint8Array(4 << 20)]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer());
  const bomb = new Blob(Array.from({ length: 1000 }, () => packed));
  let size = 0;
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip')).getReader();
  for (let i = 0; i < 20; i++) size += (await reader.read()).value?.length ?? 0;
  await reader.cancel();
  return new Response(size > 0 && bomb.size > 1000 ? 'held' : String(size));
} };

// attack: data across the border
// promise: SCALE of any type and any bytes is a value or an error
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const { SCALE } = Wapo;
  let errors = 0, done = 0;
  const types = ['Vec<u8>', '[u8;4294967295]', '(Vec<Vec<Vec<u8>>>,str)', '<a:Option<a>>', 'Vec<()>', 'A=Vec<A>', '@'.repeat(1000), '('.repeat(1e5)];
  const bytes = [[], [255, 255, 255, 255, 255, 255, 255, 255, 255], [3, 255, 255, 255, 255], [254, 255, 255, 255], new Uint8Array(1000).fill(255)];
  for (const type of types) for (const data of bytes) for (const action of [() => SCALE.codec(type).decode(Uint8Array.from(data)), () => SCALE.decode(Uint8Array.from(data), type), () => SCALE.encode(data, type)]) try { action(); done++; } catch (e) { errors++; }
  let deep = []; for (let i = 0; i < 1e5; i++) deep = [deep];
  try { SCALE.encode(deep, 'Vec<u8>'); } catch { errors++; }
  return new Response(errors > 10 ? 'held' : `${errors} ${done}`);
} };

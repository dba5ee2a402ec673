// attack: poisoning
// promise: without the key of an item nobody reads it, and no other program with it
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const found = [];
  for (const key of ['__proto__', 'constructor', '', '0', 'secret']) if (env?.[key] && typeof env[key] === 'string') found.push(key);
  if (Object.keys(env ?? {}).length) found.push(JSON.stringify(env));
  if (process.env.secret !== '""') found.push(process.env.secret);
  for (const name of ['workerSign', 'workerPublicKey', 'sgxQuote', 'bootData', 'storeBootData', 'tryLock']) if (name in Wapo && typeof Wapo[name] === 'function') try { found.push(`${name} ${Wapo[name]('x')}`); } catch {}
  return new Response(found.join() || 'held');
} };

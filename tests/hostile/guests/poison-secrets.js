// attack: poisoning
// promise: a derived secret is the program's, and the paths of others lead nowhere
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const secrets = new Set();
  for (const path of ['', 'x', '../x', '\0', 'x\0', 'x/', '/x']) try { secrets.add(Wapo.deriveSecret(path).toHex()); } catch {}
  return new Response(secrets.size >= 5 ? 'held' : `${secrets.size}`);
} };

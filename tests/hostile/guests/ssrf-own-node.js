// attack: network
// promise: an agent reaches no listener of its own node
// limit: none
// ends: 200
// answer: held
// canary: untouched
export default { async fetch(request, env, ctx) {
  const { searchParams } = new URL(request.url);
  const reached = [];
  for (const name of ['node', 'admin']) for (const host of ['127.0.0.1', 'localhost', '[::1]', '0.0.0.0', '[::ffff:127.0.0.1]'])
    for (const path of ['/', '/metrics', '/prpc/Operation.Info?json', '/vaults'])
      await fetch(`http://${host}:${searchParams.get(name)}${path}`, { method: 'POST', headers: { host: 'localhost' }, body: '{}' }).then((r) => reached.push(`${host}${path} ${r.status}`), () => {});
  return new Response(reached.join('\n') || 'held');
} };

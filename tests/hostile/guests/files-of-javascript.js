// attack: path traversal
// promise: an agent finds no file of the node's, by whatever name and whatever way it asks
// limit: none
// ends: 200
// answer: nothing
export default { async fetch(request) {
  const cid = '../'.repeat(12);
  const names = ['/etc/passwd', 'file:///etc/passwd', `${cid}etc/passwd`, `./${cid}etc/passwd`, '%2e%2e/%2e%2e/etc/passwd',
    '..%2f..%2fetc%2fpasswd', '\\..\\..\\etc\\passwd', '/proc/self/environ', '/dev/fd/3', 'node.key', '/ipfs/../node.key',
    '/etc/passwd\0.js', 'data:../../etc/passwd', 'wapo:../../node.key', 'node:../fs', 'blob:/etc/passwd'];
  const found = [];
  const look = (way, what) => { if (/root:|PATH=|^[A-Za-z0-9+/=]{40,}$/.test(String(what))) found.push(way); };
  const attempt = async (way, work) => { try { look(way, await work()); } catch { /* refused */ } };
  let fs = {};
  await attempt('node:fs', async () => { fs = await import('node:fs'); });
  for (const name of names) {
    await attempt(`import ${name}`, async () => JSON.stringify(await import(name)));
    await attempt(`import as JSON ${name}`, async () => JSON.stringify(await import(name, { with: { type: 'json' } })));
    await attempt(`fetch ${name}`, async () => (await fetch(name)).text());
    await attempt(`fetch of its own site ${name}`, async () => (await fetch(new URL(name, request.url))).text());
    await attempt(`XMLHttpRequest ${name}`, () => new Promise((done, failed) => {
      const x = new XMLHttpRequest(); x.onload = () => done(x.responseText); x.onerror = failed; x.open('GET', name); x.send();
    }));
    await attempt(`require ${name}`, async () => JSON.stringify(require(name)));
    await attempt(`readFileSync ${name}`, async () => fs.readFileSync(name, 'utf8'));
    await attempt(`Wapo.run ${name}`, () => Wapo.run(`import(${JSON.stringify(name)}).then(JSON.stringify)`));
    await attempt(`sourceMap ${name}`, async () => (0, eval)(`//# sourceMappingURL=${encodeURI(name)}\n''`));
  }
  return new Response(found.length ? found.join('\n') : 'nothing');
} };

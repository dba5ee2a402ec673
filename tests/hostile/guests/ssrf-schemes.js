// attack: network
// promise: fetch and imports know no scheme that leads to files of the node
// limit: none
// ends: 200
// answer: held
export default { async fetch(request, env, ctx) {
  const reached = [];
  for (const url of ['file:///etc/passwd', 'ftp://127.0.0.1/', 'ws://127.0.0.1/', 'unix:/run/x', 'blob:null/x', 'about:blank', 'jar:file:///', 'view-source:file:///etc/passwd'])
    await fetch(url).then((r) => reached.push(`${url} ${r.status}`), () => {});
  for (const name of ['file:///etc/passwd', '/etc/passwd', '../../../../etc/passwd', 'node:../fs', 'wapo:native', 'wapo:main', 'std', 'qjs:os', 'qjs:std', 'data:text/javascript,export default 1'])
    await import(name).then((m) => reached.push(`${name} ${Object.keys(m)}`), () => {});
  const fs = require('fs');
  for (const file of ['/etc/passwd', '/proc/self/environ', '../../etc/passwd', '/dev/mem']) try { reached.push(fs.readFileSync(file, 'utf8').slice(0, 9)); } catch {}
  return new Response(reached.join('\n') || 'held');
} };

// attack: network
// promise: private addresses are refused in every spelling, by WebSockets
// limit: none
// ends: 200
// answer: held
// canary: untouched
export default { async fetch(request, env, ctx) {
  const HOSTS = `127.0.0.1 127.1 127.0.1 2130706433 0x7f000001 0x7f.1 0177.0.0.1 017700000001 0x7f.0x0.0x0.0x1 0 0.0.0.0 0x0
  [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [0:0:0:0:0:ffff:7f00:0001] [::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::]
  [::ffff:0:0] localhost localhost. LOCALHOST ip6-localhost ip6-loopback 127.0.0.1. 127。0。0。1 127.0.0.1%2e 127%2e0%2e0%2e1
  １２７.０.０.１ ①②⑦.0.0.1 ⓛocalhost ｌｏｃａｌｈｏｓｔ 127.000.000.001 127.255.255.254 10.0.0.1 172.16.0.1 192.168.0.1
  100.64.0.1 169.254.169.254 [fd00:ec2::254] [fe80::1] [fc00::1] 2852039166 0xa9fea9fe 169.254.43518 [::ffff:a9fe:a9fe]
  224.0.0.1 255.255.255.255 198.18.0.1 192.0.2.1 240.0.0.1 [ff02::1] [fec0::1] [2001:db8::1] [::ffff:0:127.0.0.1]`.split(/\s+/);
  const port = new URL(request.url).searchParams.get('canary');
  const reached = [];
  await Promise.all(HOSTS.map((h) => new Promise((done) => { try { const s = new WebSocket(`ws://${h}:${port}/`); s.onopen = () => { reached.push(h); done(); }; s.onerror = s.onclose = done; } catch { done(); } })));
  return new Response(reached.join() || 'held');
} };

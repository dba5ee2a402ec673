"""Agents that have the host compute as much, and keep as much, as it lets them."""

import asyncio

from tests.conftest import Site, SiteFactory
from tests.hostile.neighbours import attack, handler

DERIVE = """
const derive = async (iterations) => {
  const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits']);
  return crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-512', salt: new Uint8Array(8), iterations }, key, 512);
};
"""

FLOOD = f"""{DERIVE}
export default {{ async fetch() {{
  const pair = crypto.subtle.generateKey({{ name: 'RSA-PSS', modulusLength: 4096, publicExponent: new Uint8Array([1, 0, 1]),
    hash: 'SHA-256' }}, false, ['sign']);
  await Promise.all([pair, ...Array.from({{ length: 200 }}, () => derive(300_000))]);
  return new Response('never');
}} }};"""

NEIGHBOUR = f"{DERIVE} export default {{ fetch: async () => new Response(await derive(3000)) }};"


async def test_who_computes_all_the_time_keeps_nobody_else_from_it(site: Site) -> None:
    """Promise: what takes long takes a thread, of which a program never has all; the event loop goes on."""
    flooding = [asyncio.create_task(site.run(FLOOD)) for _ in range(6)]
    path = await site.publish(NEIGHBOUR)
    answers = [(await site.client.get(path)).content for _ in range(20)]
    assert len(set(answers)) == 1
    assert len(answers[0]) == 64
    assert not any(task.done() for task in flooding)
    for task in flooding:
        task.cancel()
    await asyncio.gather(*flooding, return_exceptions=True)
    assert (await site.client.get(path)).content == answers[0]


MANY_BYTES = """
const key = await crypto.subtle.importKey('raw', new Uint8Array(16), 'AES-CTR', false, ['encrypt']);
const algorithm = { name: 'AES-CTR', counter: new Uint8Array(16), length: 64 };
const data = new Uint8Array(8 << 20);
const results = await Promise.allSettled(Array.from({ length: 40 }, () => crypto.subtle.encrypt(algorithm, key, data)));
return new Response(results.map(({ status, reason }) => (status === 'fulfilled' ? 'done' : reason.name)).sort().join());
"""

NONSENSE = """
const { subtle } = crypto;
const names = [];
const bytes = (length) => new Uint8Array(length).fill(0x30);
for (const format of ['spki', 'pkcs8', 'raw']) for (const name of ['RSA-OAEP', 'ECDH', 'Ed25519', 'X25519', 'ECDSA'])
  for (const length of [0, 1, 32, 65, 1000, 100_000]) {
    const algorithm = { name, hash: 'SHA-1', namedCurve: 'P-256' };
    const usage = name.startsWith('RSA') ? (format === 'spki' ? 'encrypt' : 'decrypt')
      : /DSA|Ed/.test(name) ? (format === 'pkcs8' ? 'sign' : 'verify') : 'deriveBits';
    const usages = format === 'pkcs8' || usage !== 'deriveBits' ? [usage] : [];
    names.push(await subtle.importKey(format, bytes(length), algorithm, true, usages).then((key) => key.type, (e) => e.name));
  }
return new Response([...new Set(names)].sort().join());
"""


async def test_the_host_keeps_a_bounded_amount_for_a_machine(open_site: SiteFactory) -> None:
    """Promise: what waits for a thread is counted like bodies that wait to be sent: half of the machine's memory."""
    async with open_site(memory_bytes=256 << 20) as site:
        answers = await attack(site, {"bytes": handler(MANY_BYTES), "nonsense": handler(NONSENSE)})
    assert answers["bytes"].status_code == 200, answers["bytes"].text
    outcomes = answers["bytes"].text.split(",")
    assert set(outcomes) == {"done", "OperationError"}
    assert 8 <= outcomes.count("done") <= 16
    assert answers["nonsense"].text == "DataError,NotSupportedError,public"

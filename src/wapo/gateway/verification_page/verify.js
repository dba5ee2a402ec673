// What a browser can verify by itself, with WebCrypto and nothing else: that a node holds its key, that a quote is bound
// to that key and signed by a real platform up to Intel's root, that a receipt is signed by that key and for this
// response, and that code has the hash that its CID says. What it cannot: whether the platform is up to date or revoked.
// For that there is Intel's collateral, and `wapo verify`. docs/trust.md describes every form that is read here.

const INTEL_ROOT_SHA256 = '44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3';
const MOST_BLOCKS = 4096;

const text = (value) => new TextEncoder().encode(value);
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

export function unhex(value) {
  if (typeof value !== 'string' || !/^([0-9a-f]{2})*$/.test(value)) throw new Error('not hex in lower case');
  return Uint8Array.from(value.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

export function unbase64(value) {
  const plain = value.replaceAll('-', '+').replaceAll('_', '/');
  return Uint8Array.from(atob(plain), (character) => character.charCodeAt(0));
}

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);
const digest = async (name, bytes) => new Uint8Array(await crypto.subtle.digest(name, bytes));

export function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function number(value, bytes) {
  const out = new Uint8Array(bytes);
  for (let at = bytes - 1, rest = BigInt(value); at >= 0; at--, rest >>= 8n) out[at] = Number(rest & 0xffn);
  return out;
}

/** Each part after its length (4 bytes, big-endian). */
export const canonical = (parts) => joined(parts.flatMap((part) => [number(part.length, 4), part]));

// Steps. Each is {name, state, text, evidence}; state is 'ok', 'open' or 'failed'.

async function step(name, check) {
  try {
    const { state = 'ok', ...found } = await check();
    return { name, state, evidence: {}, ...found };
  } catch (error) {
    return { name, state: 'failed', text: error.message, evidence: {} };
  }
}

function demand(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

async function ed25519(publicKey, signature, message) {
  const key = await crypto.subtle.importKey('raw', publicKey, 'Ed25519', false, ['verify']);
  return crypto.subtle.verify('Ed25519', key, signature, message);
}

export async function keyId(publicKey) {
  return base64url(await digest('SHA-256', text(`{"crv":"Ed25519","kty":"OKP","x":"${base64url(publicKey)}"}`)));
}

/** Steps of a node's attestation, the answer to `GET /attestation?nonce=`. */
export async function checkAttestation(answer, nonce, rootSha256 = INTEL_ROOT_SHA256) {
  const publicKey = unhex(answer.node.signing.public);
  const quote = answer.quote === null ? new Uint8Array() : unbase64(answer.quote);
  const reportData = await digest('SHA-512', canonical([
    text('wapo-attestation/v1'), text('Ed25519'), publicKey, text('X25519'), unhex(answer.node.agreement.public),
    text(answer.programs), unhex(answer.nonce),
  ]));
  const steps = [
    await step('fresh', async () => {
      demand(answer.nonce === hex(nonce), 'the answer is to another nonce: it is an old one, or somebody else\'s');
      return { text: 'the answer is to this nonce', evidence: { nonce: answer.nonce } };
    }),
    await step('node key', async () => {
      demand(hex(reportData) === answer.report_data, 'the report data are not those of these keys and this nonce');
      demand((await keyId(publicKey)) === answer.node.key_id, 'the node\'s key goes by another\'s name');
      const statement = canonical([
        text('wapo-attestation/v1/statement'), text('Ed25519'), text(answer.kind), reportData,
        await digest('SHA-512', quote),
        ...answer.node.earlier.map((key) => joined([unhex(key.public), number(key.from, 8), number(key.until, 8)])),
      ]);
      demand(await ed25519(publicKey, unbase64(answer.signature.value), statement), 'the answer is not signed with its key');
      return { text: `who answered has the key ${answer.node.key_id}`, evidence: { programs: answer.programs } };
    }),
  ];
  if (quote.length === 0) {
    steps.push({
      name: 'TEE', state: answer.attested ? 'failed' : 'open', evidence: {},
      text: 'nothing is attested: no TEE vouches for this node, and whoever has the machine can do anything with it',
    });
    return steps;
  }
  let parsed;
  steps.push(await step('binding', async () => {
    parsed = parseQuote(quote);
    demand(same(parsed.reportData, reportData), 'the quote is not for this node\'s keys and nonce: it is somebody else\'s');
    return { text: 'the quote was made for this node\'s keys, its programs, and this nonce' };
  }));
  if (parsed === undefined) return steps;
  steps.push(await step('hardware', async () => {
    demand(!parsed.debug, 'it runs in debug mode, where whoever has the machine may look into it');
    await checkGenuine(parsed, rootSha256);
    return { text: `signed by a real ${parsed.tee.toUpperCase()} platform, up to Intel's root` };
  }));
  steps.push({
    name: 'platform', state: 'open', evidence: {},
    text: 'whether Intel says that this platform is up to date, or revoked, a page cannot ask: wapo verify can',
  });
  steps.push({
    name: 'software', state: 'open', evidence: parsed.measured,
    text: 'this is what the hardware has measured: compare it with what you know of the software',
  });
  return steps;
}

// Quotes (Intel DCAP, versions 3 to 5)

export function parseQuote(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 0;
  const take = (count) => {
    demand(at + count <= data.length, 'the quote ends early');
    at += count;
    return data.subarray(at - count, at);
  };
  const u16 = () => (take(2), view.getUint16(at - 2, true));
  const u32 = () => (take(4), view.getUint32(at - 4, true));
  const version = u16();
  demand([3, 4, 5].includes(version) && u16() === 2, 'no quote of a known kind');
  const tee = { 0: 'sgx', 0x81: 'tdx' }[u32()];
  demand(tee !== undefined, 'a quote of an unknown TEE');
  at = 48;
  let length = tee === 'sgx' ? 384 : 584;
  if (version === 5) {
    const kind = u16();
    length = { 1: 384, 2: 584, 3: 648 }[kind];
    demand(length === u32() && (kind === 1) === (tee === 'sgx'), 'a report of an unknown kind');
  }
  const body = take(length);
  const signed = data.subarray(0, at);
  const end = u32() + at;
  demand(end <= data.length && data.subarray(end).every((byte) => byte === 0), 'something follows the quote');
  const signature = take(64);
  const key = take(64);
  if (version >= 4) demand(u16() === 6 && u32() + at === end, 'a certification of an unknown kind');
  const qeReport = take(384);
  const qeSignature = take(64);
  const qeAuth = take(u16());
  demand(u16() === 5, 'the quote has no certificates with it');
  const chain = new TextDecoder().decode(take(u32()));
  demand(at === end, 'something follows the certificates');
  const field = (from, count) => hex(body.subarray(from, from + count));
  const measured = tee === 'sgx'
    ? { mr_enclave: field(64, 32), mr_signer: field(128, 32) }
    : {
        mr_td: field(136, 48), rt_mr0: field(328, 48), rt_mr1: field(376, 48), rt_mr2: field(424, 48),
        rt_mr3: field(472, 48),
      };
  return {
    version, tee, measured, signed, signature, key, qeReport, qeSignature, qeAuth, chain,
    reportData: tee === 'sgx' ? body.subarray(320, 384) : body.subarray(520, 584),
    debug: tee === 'sgx' ? (body[48] & 2) !== 0 : (body[120] & 1) !== 0,
  };
}

/** Throws unless every signature from the quote up to the root is right. */
export async function checkGenuine(quote, rootSha256 = INTEL_ROOT_SHA256) {
  const ders = [...quote.chain.matchAll(/-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+)-----END CERTIFICATE-----/g)]
    .map((match) => unbase64(match[1].replaceAll('\n', '')));
  demand(ders.length === 3, 'the quote does not have three certificates with it');
  demand(hex(await digest('SHA-256', ders[2])) === rootSha256, 'the certificates do not lead to Intel\'s root');
  const certificates = ders.map(parseCertificate);
  for (const [at, issued] of certificates.entries()) {
    const issuer = certificates[Math.min(at + 1, 2)];
    demand(same(issued.issuer, issuer.subject), 'a certificate names another issuer');
    demand(at === 0 || issued.ca, 'a certificate is signed by one that may not sign certificates');
    demand(await p256(issuer.point, issued.signature, issued.signed), 'a certificate is not signed by the next one');
  }
  demand(await p256(certificates[0].point, quote.qeSignature, quote.qeReport), 'the platform has not signed this');
  const expected = joined([await digest('SHA-256', joined([quote.key, quote.qeAuth])), new Uint8Array(32)]);
  demand(same(quote.qeReport.subarray(320, 384), expected), 'the quoting enclave vouches for another key');
  demand(await p256(joined([[4], quote.key]), quote.signature, quote.signed), 'the quote\'s signature is wrong');
}

async function p256(point, signature, message) {
  const curve = { name: 'ECDSA', namedCurve: 'P-256' };
  const key = await crypto.subtle.importKey('raw', point, curve, false, ['verify']);
  return crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, signature, message);
}

// Certificates (X.509 in DER): only what is needed of them, of the kind that Intel issues.

function der(data, at = 0) {
  demand(at + 2 <= data.length, 'a certificate ends early');
  let length = data[at + 1];
  let start = at + 2;
  if (length & 0x80) {
    const count = length & 0x7f;
    demand(count >= 1 && count <= 3, 'a certificate cannot be read');
    length = 0;
    for (let byte = 0; byte < count; byte++) length = length * 256 + data[start++];
  }
  const end = start + length;
  demand(end <= data.length, 'a certificate ends early');
  return { tag: data[at], whole: data.subarray(at, end), content: data.subarray(start, end), end };
}

function derList(content) {
  const found = [];
  for (let at = 0; at < content.length;) {
    const item = der(content, at);
    found.push(item);
    at = item.end;
  }
  return found;
}

function parseCertificate(data) {
  const outer = der(data);
  demand(outer.end === data.length, 'something follows a certificate');
  const [tbs, , bits] = derList(outer.content);
  const fields = derList(tbs.content);
  const [, , , issuer, , subject, key] = fields;
  const point = derList(key.content)[1].content.subarray(1);
  demand(point.length === 65 && point[0] === 4, 'a certificate has a key of another kind');
  const halves = derList(der(bits.content, 1).content).map((item) => {
    const plain = item.content[0] === 0 ? item.content.subarray(1) : item.content;
    demand(plain.length <= 32, 'a signature cannot be read');
    return joined([new Uint8Array(32 - plain.length), plain]);
  });
  // basicConstraints, 2.5.29.19, with cA TRUE
  const extensions = fields.slice(7).find((item) => item.tag === 0xa3);
  const ca = extensions !== undefined && derList(der(extensions.content).content).some((item) => {
    const parts = derList(item.content);
    if (hex(parts[0].content) !== '551d13') return false;
    const [flag] = derList(der(parts[parts.length - 1].content).content);
    return flag !== undefined && flag.tag === 1 && flag.content[0] === 0xff;
  });
  return { signed: tbs.whole, issuer: issuer.whole, subject: subject.whole, point, signature: joined(halves), ca };
}

// Receipts

const UNSIGNED = new Set([
  'connection', 'content-digest', 'content-length', 'date', 'keep-alive', 'server', 'server-timing', 'signature',
  'signature-input', 'trailer', 'transfer-encoding', 'wapo-receipt', 'x-powered-by', 'x-request-id',
]);

/**
 * A target as a receipt tells it: without the key of a vault, nor a question mark that nothing follows
 * (wapo.trust.receipts, told_target).
 */
export function toldTarget(target) {
  const at = target.indexOf('?');
  if (at < 0) return target;
  const told = target.slice(at + 1).split('&').map((pair) => {
    const equals = pair.indexOf('=');
    return equals >= 0 && unescaped(pair.slice(0, equals)) === 'key' ? `${pair.slice(0, equals)}=***` : pair;
  });
  return at === target.length - 1 ? target.slice(0, at) : `${target.slice(0, at)}?${told.join('&')}`;
}

function unescaped(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Steps of a receipt: `known` is {target, nonce, status, headers: [name, value][], body}. */
export async function checkReceipt(receipt, publicKey, known) {
  const signedStep = await step('receipt', async () => {
    const { request, response } = receipt;
    demand(receipt.form === 'wapo-receipt/v1' && receipt.algorithm === 'ed25519', 'a receipt of another form');
    demand(receipt.key === (await keyId(publicKey)), 'the receipt is signed with a key that is not the attested one');
    const message = canonical([
      text(receipt.form), text(receipt.algorithm), text(receipt.key), text(receipt.program), text(request.method),
      text(request.target), text(request.headers.names.join(',')), unbase64(request.headers.digest),
      request.content === null ? new Uint8Array() : unbase64(request.content), number(response.status, 2),
      text(response.headers.names.join(',')), unbase64(response.headers.digest), text(receipt.id),
      text(receipt.nonce), unbase64(response.content), number(receipt.started, 8), number(receipt.ended, 8),
    ]);
    demand(await ed25519(publicKey, unbase64(receipt.signature), message), 'the node\'s key has not signed this receipt');
    demand(request.method === 'GET' && request.target === toldTarget(known.target), 'the receipt is for another request');
    demand(receipt.nonce === known.nonce, 'the receipt is for another nonce: another request');
    demand(response.status === known.status, 'the receipt is for another status');
    const body = base64url(await digest('SHA-256', known.body));
    demand(body === response.content, 'the receipt is for another body');
    return {
      text: `the node's key has signed that ${receipt.program} gave this status and body to this request`,
      evidence: { program: receipt.program, id: receipt.id, 'SHA-256 of the body': body },
    };
  });
  if (signedStep.state !== 'ok') return [signedStep];
  return [signedStep, await step('headers', () => checkHeaders(receipt.response.headers, known.headers))];
}

async function checkHeaders(said, headers) {
  const strange = headers.find(([name]) => !said.names.includes(name) && !UNSIGNED.has(name));
  demand(strange === undefined, `the header ${strange?.[0]} is not the agent's, nor the node's`);
  const values = new Map(headers);
  const hidden = said.names.filter((name) => !values.has(name));
  if (hidden.length > 0) {
    return { state: 'open', text: `a browser does not show a page: ${hidden.join(', ')}`, evidence: {} };
  }
  const parts = said.names.flatMap((name) => [text(name), text(values.get(name))]);
  const found = base64url(await digest('SHA-256', canonical(parts)));
  demand(found === said.digest, 'a header has another value than the receipt says');
  return { text: `as signed: ${said.names.join(', ') || 'none'}`, evidence: {} };
}

// Code, by its CID

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

function base32(bytes) {
  let out = '';
  let bits = 0;
  let value = 0;
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff;
    for (bits += 8; bits >= 5; bits -= 5) out += BASE32[(value >> (bits - 5)) & 31];
  }
  return bits > 0 ? out + BASE32[(value << (5 - bits)) & 31] : out;
}

/** {codec, hash}: of version 0 and 1, with SHA-256. */
export function parseCid(name) {
  let bytes;
  if (name.startsWith('Qm')) {
    let value = 0n;
    for (const character of name) {
      demand(BASE58.includes(character), 'no CID');
      value = value * 58n + BigInt(BASE58.indexOf(character));
    }
    bytes = number(value, 34);
    demand(name.length === 46, 'no CID');
    return cidOf(joined([[1, 0x70], bytes]));
  }
  demand(/^b[a-z2-7]+$/.test(name), 'a CID in base32 or base58 is needed');
  bytes = [];
  let bits = 0;
  let value = 0;
  for (const character of name.slice(1)) {
    value = ((value << 5) | BASE32.indexOf(character)) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((value >> bits) & 0xff);
    }
  }
  return cidOf(Uint8Array.from(bytes));
}

function cidOf(bytes) {
  const at = bytes[0] === 0x12 ? joined([[1, 0x70], bytes]) : bytes;
  demand(at.length === 36 && at[0] === 1 && (at[1] === 0x55 || at[1] === 0x70) && at[2] === 0x12 && at[3] === 32,
    'a CID of another kind than raw or dag-pb with SHA-256');
  return { codec: at[1], hash: at.slice(4), name: `b${base32(at)}` };
}

function protobuf(data) {
  const found = [];
  for (let at = 0; at < data.length;) {
    const varint = () => {
      let value = 0;
      for (let factor = 1; ; factor *= 128) {
        demand(at < data.length && factor < 2 ** 50, 'a block cannot be read');
        const byte = data[at++];
        value += (byte & 0x7f) * factor;
        if (byte < 0x80) return value;
      }
    };
    const tag = varint();
    if ((tag & 7) === 0) {
      found.push([tag >> 3, varint()]);
    } else {
      demand((tag & 7) === 2, 'a block cannot be read');
      const length = varint();
      demand(at + length <= data.length, 'a block cannot be read');
      found.push([tag >> 3, data.subarray(at, at + length)]);
      at += length;
    }
  }
  return found;
}

function linksOf(block) {
  return protobuf(block).filter(([field]) => field === 2).map(([, link]) => {
    const parts = new Map(protobuf(link));
    return { cid: cidOf(parts.get(1)), name: new TextDecoder().decode(parts.get(2) ?? new Uint8Array()) };
  });
}

const unixfsType = (block) => {
  const data = new Map(protobuf(block)).get(1);
  return data === undefined ? undefined : new Map(protobuf(data)).get(1);
};

/** That every block of the code at a target has its hash. `fetchBlock(name)` gives bytes that nobody has checked. */
export async function checkCode(target, program, fetchBlock) {
  const [name, ...segments] = new URL(target, 'http://a').pathname.slice('/ipfs/'.length).split('/').map(decodeURIComponent);
  let blocks = 0;
  const load = async (cid) => {
    demand(++blocks <= MOST_BLOCKS, `more than ${MOST_BLOCKS} blocks`);
    const data = await fetchBlock(cid.name);
    demand(same(await digest('SHA-256', data), cid.hash), `a block has not the hash that ${cid.name} says`);
    return data;
  };
  let cid = parseCid(name);
  let block = await load(cid);
  while (cid.codec === 0x70 && unixfsType(block) === 1) {
    const next = segments.shift();
    const link = linksOf(block).find((one) => one.name === next);
    demand(link !== undefined, 'the address does not lead to a file');
    cid = link.cid;
    block = await load(cid);
  }
  demand(cid.codec === 0x55 || [0, 2].includes(unixfsType(block)), 'the address leads to something that a page cannot read');
  const below = async (data) => {
    for (const link of linksOf(data)) {
      const child = await load(link.cid);
      if (link.cid.codec === 0x70) await below(child);
    }
  };
  if (cid.codec === 0x70) await below(block);
  demand(program === undefined || program === cid.name, `the address leads to ${cid.name}, and the receipt is for ${program}`);
  return { text: `all ${blocks} blocks have the hashes that their CIDs say`, evidence: { cid: cid.name } };
}

// All of it

async function bytesOf(url, headers = {}) {
  const response = await fetch(url, { headers, cache: 'no-store', credentials: 'omit', redirect: 'error' });
  return { response, body: new Uint8Array(await response.arrayBuffer()) };
}

async function jsonOf(url) {
  const { response, body } = await bytesOf(url);
  demand(response.ok, `${url} answers with status ${response.status}`);
  return JSON.parse(new TextDecoder().decode(body));
}

/** Verifies a node, or an agent on it, by its URL; returns the steps. */
export async function verify(address, rootSha256 = INTEL_ROOT_SHA256) {
  const url = new URL(address);
  const agent = /^\/ipfs\/./.test(url.pathname);
  const target = url.pathname + url.search;
  const nonce = hex(crypto.getRandomValues(new Uint8Array(32)));
  let exchange;
  let receipt;
  if (agent) {
    exchange = await bytesOf(url.origin + target, { 'accept-signature': `wapo=();nonce="${nonce}"` });
    const id = exchange.response.headers.get('x-request-id');
    receipt = id === null ? undefined : await jsonOf(`${url.origin}/receipts/${encodeURIComponent(id)}`).catch(() => undefined);
  }
  const asked = crypto.getRandomValues(new Uint8Array(32));
  const answer = await jsonOf(`${url.origin}/attestation?nonce=${hex(asked)}`);
  const steps = await checkAttestation(answer, asked, rootSha256);
  if (!agent) return steps;
  if (receipt === undefined) {
    steps.push({ name: 'receipt', state: 'open', text: 'the node gave no receipt of this response', evidence: {} });
  } else {
    const { response, body } = exchange;
    const known = { target, nonce, status: response.status, headers: [...response.headers], body };
    steps.push(...await checkReceipt(receipt, unhex(answer.node.signing.public), known));
  }
  const fetchBlock = async (name) => (await bytesOf(`${url.origin}/ipfs/${name}`, { accept: 'application/vnd.ipld.raw' })).body;
  steps.push(await step('code', () => checkCode(target, receipt?.program, fetchBlock)));
  return steps;
}

export function verdict(steps) {
  const named = (state) => steps.filter((one) => one.state === state).map((one) => one.name).join(', ');
  if (steps.length === 0 || named('failed')) return ['failed', `REFUSED: wrong is ${named('failed') || 'everything'}. Do not rely on any of this.`];
  if (named('open')) return ['open', `NOT PROVEN: what was looked at holds, but nothing here proves: ${named('open')}.`];
  return ['ok', 'PROVEN: every step holds.'];
}

// A trustless gateway of Helia's parts: content made and archives written by them, HTTP by node.
//
// Prints one line of JSON when it listens: the port, and what it has. Ends when its standard input does.
//
//   /ipfs/<cid>?format=raw | ?format=car    as https://specs.ipfs.tech/http-gateways/trustless-gateway/ says
//   /blocks/ipfs/...                        the same without archives
//   /tampered/ipfs/...                      the same with one byte changed in one block of each file
//   /asked                                  how often each format was asked for
import { createServer } from 'node:http'
import { createHash } from 'node:crypto'
import { car } from '@helia/car'
import { unixfs } from '@helia/unixfs'
import * as dagPb from '@ipld/dag-pb'
import { MemoryBlockstore } from 'blockstore-core/memory'
import { importer } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'

const logger = { forComponent: () => Object.assign(() => {}, { error() {}, trace() {}, enabled: false }) }
const codecs = { [dagPb.code]: dagPb, [raw.code]: raw }
const blockstore = new MemoryBlockstore()
const fs = unixfs({ blockstore })
const archives = car({ blockstore, logger, getCodec: async (code) => codecs[code] })

function content(size) {
  return createHash('shake128', { outputLength: size }).update(`wapo ${size}`).digest()
}

async function directory(entries, options) {
  let root
  for await (const entry of importer(entries, blockstore, { wrapWithDirectory: true, ...options })) root = entry.cid
  return root.toString()
}

const wrapped = { cidVersion: 0, rawLeaves: false, chunker: fixedSize({ chunkSize: 262144 }) }
// A program of several blocks, of which the last one holds what it does.
const agent = Buffer.from(`/* ${'-'.repeat(900_000)} */\nexport default { fetch: () => new Response('from helia') };\n`)
const has = {
  agent: (await fs.addBytes(agent, wrapped)).toString(),
  // As Helia adds by default: version 1, raw leaves, chunks of 1 MiB.
  small: (await fs.addBytes(content(1000))).toString(),
  large: (await fs.addBytes(content(3_000_000))).toString(),
  // As Kubo adds by default.
  wrapped: (await fs.addBytes(content(1_000_000), wrapped)).toString(),
  // Several levels.
  deep: (await fs.addBytes(content(100_000), { chunker: fixedSize({ chunkSize: 100 }), rawLeaves: false })).toString(),
  directory: await directory([{ path: '0', content: content(1000) }, { path: 'lib/a.js', content: content(3_000_000) }]),
  sharded: await directory(
    Array.from({ length: 1000 }, (_, i) => ({ path: `entry-${i}.txt`, content: content(1 + i % 10) })),
    { shardSplitThresholdBytes: 0 }),
  // Data before Links, which some importers prefer.
  data_first: await directory(
    Array.from({ length: 300 }, (_, i) => ({ path: `entry-${i}.txt`, content: content(1 + i % 10) })),
    { shardSplitThresholdBytes: 0, fieldOrder: 'data-first' }),
}

async function all(chunks) {
  const pieces = []
  for await (const piece of chunks) pieces.push(piece)
  return Buffer.concat(pieces)
}

const block = async (cid) => all(blockstore.get(cid))

// The last block of each multi-block file that the tests read.
const victims = new Set()
for (const name of ['agent', 'large', 'wrapped', 'deep']) {
  let cid = CID.parse(has[name])
  for (;;) {
    const links = cid.code === dagPb.code ? dagPb.decode(await block(cid)).Links : []
    if (links.length === 0) break
    cid = links.at(-1).Hash
  }
  victims.add(cid.toString())
}

function tamper(bytes) {
  const changed = Buffer.from(bytes)
  changed[changed.length >> 1] ^= 1
  return changed
}

// An archive is searched for the victims' bytes: what is tampered with is the archive that Helia wrote.
async function tamperArchive(archive) {
  for (const victim of victims) {
    const bytes = await block(CID.parse(victim))
    const at = archive.indexOf(bytes)
    if (at >= 0) tamper(bytes).copy(archive, at)
  }
  return archive
}

const asked = { raw: 0, car: 0 }

async function answer(url) {
  if (url.pathname === '/asked') return [200, 'application/json', JSON.stringify(asked)]
  const [, manner, text] = url.pathname.match(/^(?:\/(blocks|tampered))?\/ipfs\/([^/]+)$/) ?? []
  if (text === undefined) return [404, 'text/plain', 'no such path']
  const cid = CID.parse(text)
  if (!(await blockstore.has(cid))) return [404, 'text/plain', 'no such block']
  asked[url.searchParams.get('format')]++
  if (url.searchParams.get('format') === 'raw') {
    const bytes = await block(cid)
    return [200, 'application/vnd.ipld.raw', manner === 'tampered' && victims.has(text) ? tamper(bytes) : bytes]
  }
  if (manner === 'blocks') return [406, 'text/plain', 'no archives']
  const archive = await all(archives.export(cid))
  return [200, 'application/vnd.ipld.car; version=1', manner === 'tampered' ? await tamperArchive(archive) : archive]
}

const server = createServer((request, response) => {
  answer(new URL(request.url, 'http://localhost')).then(
    ([status, type, body]) => response.writeHead(status, { 'Content-Type': type }).end(body),
    (error) => response.writeHead(500).end(String(error?.stack ?? error)))
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port, ...has })))
process.stdin.resume()
process.stdin.on('end', () => { server.closeAllConnections(); server.close() })

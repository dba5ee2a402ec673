// Print the vectors of tests/content/vectors/unixfs.json: what ipfs-unixfs-importer, set to Kubo's defaults, makes of
// content that anyone can generate. tests/interop/test_helia.py runs it and compares.
//
// Content of n bytes: the first n bytes of SHAKE-128 over the text "wapo <n>".
import { createHash } from 'node:crypto'
import { importer } from 'ipfs-unixfs-importer'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'

const LAYOUTS = {
  kubo: { profile: 'unixfs-v0-2015' },
  kubo_v1: { profile: 'unixfs-v0-2015', cidVersion: 1, rawLeaves: true },
}
const MIB = 1024 * 1024

const discard = { put: async (cid) => cid, get: async () => { throw new Error('nothing is kept') } }

function content(size) {
  if (size === 0) return new Uint8Array(0) // SHAKE of no length is an error in OpenSSL
  return createHash('shake128', { outputLength: size }).update(`wapo ${size}`).digest()
}

async function root(source, options) {
  let last
  for await (const entry of importer(source, discard, { ...options })) last = entry
  return last.cid.toString()
}

async function each(source, extra = {}) {
  const cids = {}
  for (const [name, layout] of Object.entries(LAYOUTS)) cids[name] = await root(source(), { ...layout, ...extra })
  return cids
}

const file = (size) => () => [{ content: content(size) }]
const tree = (files) => () => Object.entries(files).map(([path, size]) => ({ path: `root/${path}`, content: content(size) }))

const files = []
for (const size of [0, 1, 262143, 262144, 262145, MIB, 174 * 262144, 174 * 262144 + 1, 50 * MIB]) {
  files.push({ size, ...await each(file(size)) })
}
// The same shapes and one level more, with chunks and nodes small enough for a test.
for (const [size, chunk_bytes, max_links] of [[16 * 174 * 174 + 1, 16, 174], [1000, 7, 3], [729, 1, 3], [730, 1, 3]]) {
  const extra = { chunker: fixedSize({ chunkSize: chunk_bytes }), layout: balanced({ maxChildrenPerNode: max_links }) }
  files.push({ size, chunk_bytes, max_links, ...await each(file(size), extra) })
}

const trees = []
for (const entries of [
  { 0: 1000 },
  { 'index.js': 12, 'Z.txt': 3, 'a.txt': 1, 'lib/b.js': 262145, 'lib/deep/er/c.js': 0, 'é.txt': 2, '10': 4, '9': 5 },
]) {
  trees.push({ entries, ...await each(tree(entries)) })
}

// Directories that Kubo makes sharded because their names and identifiers take over 256 KiB, and one just below that.
const sharded = []
for (const count of [100, 5000, 7000]) {
  const entries = Object.fromEntries(Array.from({ length: count }, (_, i) => [`entry-${i}.txt`, i % 10]))
  sharded.push({ count, ...await each(tree(entries)) })
}

console.log(JSON.stringify({ files, trees, sharded }, null, 1))

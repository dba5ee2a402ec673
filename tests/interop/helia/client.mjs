// Reads files from a trustless gateway with Helia's parts: node client.mjs <gateway> <raw|car> <cid>...
//
// `raw` fetches block by block with Helia's gateway client, `car` reads an archive with @ipld/car. Either way Helia's
// UnixFS puts the file together from blocks whose hashes have been checked. Prints {cid: sha256 of the content}.
import { createHash } from 'node:crypto'
import { trustlessGatewayBlockBroker } from '@helia/trustless-gateway-client'
import { unixfs } from '@helia/unixfs'
import { CarBlockIterator } from '@ipld/car'
import { uriToMultiaddr } from '@multiformats/uri-to-multiaddr'
import { MemoryBlockstore } from 'blockstore-core/memory'
import { CID } from 'multiformats/cid'
import { sha256 } from 'multiformats/hashes/sha2'
import { equals } from 'multiformats/bytes'

const [, , gateway, kind, ...texts] = process.argv
const logger = { forComponent: () => Object.assign(() => {}, { error() {}, trace() {}, enabled: false }) }
const routing = {
  async * findProviders () {
    yield { multiaddrs: [uriToMultiaddr(gateway)], fallback: true, router: 'test' }
  },
}
const broker = trustlessGatewayBlockBroker({ allowInsecure: true, allowLocal: true })({ logger, routing })

async function check(cid, bytes) {
  const digest = await sha256.digest(bytes)
  if (!equals(digest.bytes, cid.multihash.bytes)) throw new Error(`${cid} has another hash`)
  return bytes
}

class Remote extends MemoryBlockstore {
  async * get(cid) {
    yield await broker.retrieve(cid, { validateFn: (bytes) => check(cid, bytes) })
  }
}

async function archive(cid) {
  const response = await fetch(`${gateway}/ipfs/${cid}?format=car`, { headers: { accept: 'application/vnd.ipld.car' } })
  if (!response.ok) throw new Error(`status ${response.status}`)
  const blocks = await CarBlockIterator.fromIterable(response.body)
  const [root] = await blocks.getRoots()
  if (!root.equals(cid)) throw new Error(`the archive's root is ${root}`)
  const store = new MemoryBlockstore()
  for await (const block of blocks) await store.put(block.cid, await check(block.cid, block.bytes))
  return store
}

const read = {}
for (const text of texts) {
  const cid = CID.parse(text)
  const fs = unixfs({ blockstore: kind === 'raw' ? new Remote() : await archive(cid) })
  const hash = createHash('sha256')
  for await (const piece of fs.cat(cid)) hash.update(piece)
  read[text] = hash.digest('hex')
}
console.log(JSON.stringify(read))

// state.mjs -- v1's durable files in SIDECAR_STATE_DIR: csk.v1, peer-ed25519.v1, indexer-cursor.v1
import { decode, encode } from 'cborg'
import { randomBytes } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { bytesToHex, concatHex, hexToBytes, keccak256, stringToBytes, toHex } from 'viem'
import { seed32, unwrap, wrap } from './keys.mjs'
import { log, reason } from './log.mjs'
import { hexOf, ints } from './wire.mjs'

const AAD = bytesToHex(stringToBytes('attestmesh.csk-cache-envelope.v1')), MAX_CSK = 4096, MAX_PEERS = 1048576, WHOLE = 2n ** 64n - 1n
const must = (good, what) => { if (!good) throw new Error(`expected ${what}, got something else`) }
const aad = ({ cluster, member, commitment }) => hexToBytes(concatHex([AAD, '0x01', cluster, member, commitment]))

export const encodeCsk = (scope, kek, key, nonce = randomBytes(24)) => Buffer.from(encode({
  version: 1, cluster: ints(scope.cluster), member_contract: ints(scope.member), commitment: ints(scope.commitment),
  nonce: [...nonce], ciphertext: [...wrap(key, aad(scope), nonce, kek)],
}, { mapSorter: () => 0 }))

export function decodeCsk(bytes, scope, kek) {
  must(bytes.length <= MAX_CSK, 'at most 4096 bytes')
  const map = decode(bytes, { useMaps: true, rejectDuplicateMapKeys: true, strict: false }), field = (name, n) => hexOf(map.get(name), n, name)
  must(map.get('version') === 1, 'version 1')
  for (const [name, n, want] of [['cluster', 20, scope.cluster], ['member_contract', 20, scope.member], ['commitment', 32, scope.commitment]])
    must(field(name, n) === want, `the own ${name}`)
  const key = unwrap(hexToBytes(field('ciphertext', 48)), aad(scope), hexToBytes(field('nonce', 24)), kek)
  must(keccak256(key) === scope.commitment, 'the key of the commitment')
  return key
}

export const encodePeers = (keys) => Buffer.from(concatHex(['0x', ...[...keys].sort(([a], [b]) => (a < b ? -1 : 1)).flat()]).slice(2), 'hex')
export function decodePeers(bytes) {
  must(bytes.length <= MAX_PEERS, 'at most 1 MiB')
  const at = (i) => bytesToHex(bytes.subarray(i, i + 32))
  return new Map(Array.from({ length: Math.floor(bytes.length / 64) }, (_, i) => [at(64 * i), at(64 * i + 32)]))
}

const position = ({ block, logIndex }) => concatHex([toHex(block, { size: 8 }), toHex(logIndex, { size: 8 })])
export const encodeCursor = ({ cluster, id }, at) => Buffer.from(hexToBytes(concatHex(['0x01', cluster, id, position(at)])))
export function decodeCursor(bytes, { cluster, id }) {
  must(bytes.length === 69 && bytesToHex(bytes.subarray(0, 53)) === concatHex(['0x01', cluster, id]), 'a cursor of 69 bytes, of this cluster and member')
  return { block: bytes.readBigUInt64BE(53), logIndex: bytes.readBigUInt64BE(61) }
}

const path = (node, name) => `${node.stateDir}/${name}`
const read = (node, name) => readFile(path(node, name)).catch((e) => { if (e.code === 'ENOENT') return null; throw e })
async function write(node, name, bytes) {
  if (!node.stateDir) return
  await mkdir(node.stateDir, { recursive: true, mode: 0o700 })
  const temp = path(node, `.${name}.${process.pid}.${randomBytes(8).toString('hex')}.tmp`)
  const sync = async (file) => { await file.sync(); await file.close() }
  const file = await open(temp, 'wx', 0o600)
  await file.writeFile(bytes)
  await sync(file)
  await rename(temp, path(node, name))
  await sync(await open(node.stateDir, 'r'))
}

// Takes what is on disk. A cursor that is there and cannot be taken fails closed: it is not moved then.
export async function loadState(node) {
  const take = (name, decoded) => (node.stateDir ? read(node, name) : Promise.resolve(null)).then((bytes) => bytes && decoded(bytes))
  const ignore = (file, else_) => (e) => { log('state-ignored', { file, reason: reason(e) }); return else_ }
  node.learned = await take('peer-ed25519.v1', decodePeers).catch(ignore('peer-ed25519.v1', null)) ?? new Map()
  node.cursor = await take('indexer-cursor.v1', (b) => decodeCursor(b, node)).catch(ignore('indexer-cursor.v1', undefined))
  log('state', { learned: node.learned.size, block: node.cursor ? Number(node.cursor.block) : null, refused: node.cursor === undefined })
}

const kek = async (node) => seed32((await node.agent.getKey('attestmesh.csk-cache.v1', 'wrap-v1')).key)
export async function cachedCsk(node, commitment) {
  const bytes = node.stateDir ? await read(node, 'csk.v1') : null
  return bytes && decodeCsk(bytes, { ...node, commitment }, await kek(node))
}
export const keepCsk = async (node, key) => node.stateDir && write(node, 'csk.v1', encodeCsk({ ...node, commitment: keccak256(key) }, await kek(node), key))

export async function keepPeerKey(node, id, key) {
  if (node.learned.get(id) === key) return
  node.learned.set(id, key)
  await write(node, 'peer-ed25519.v1', encodePeers(node.learned))
}

// This peer has no indexer stream: a reconcile pass stands for the events up to the head before it.
export async function moveCursor(node, block) {
  if (!node.stateDir || node.cursor === undefined || (node.cursor && node.cursor.block >= block)) return
  node.cursor = { block, logIndex: WHOLE }
  await write(node, 'indexer-cursor.v1', encodeCursor(node, node.cursor))
}

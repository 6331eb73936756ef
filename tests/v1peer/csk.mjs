// csk.mjs -- the cluster shared key: originate, serve and pull it by PeerControl
import grpc from '@grpc/grpc-js'
import protoLoader from '@grpc/proto-loader'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { bytesToHex, hexToBytes, keccak256 } from 'viem'
import { calldata, ZERO32 } from './chain.mjs'
import { deriveCsk, seal } from './keys.mjs'
import { log, reason } from './log.mjs'
import { cachedCsk, keepCsk } from './state.mjs'

const PORT = 50051, PARALLEL = 8, CONNECT_MS = 1000, RPC_MS = 2000
const proto = protoLoader.loadSync(fileURLToPath(new URL('../../proto/peer.proto', import.meta.url)), { keepCase: true })
export const { PeerControl } = grpc.loadPackageDefinition(proto).attestmesh.peer.v1
const refuse = (code, details) => { throw Object.assign(new Error(details), { code: grpc.status[code], details }) }

// The order of the checks is v1's: holding comes before the request is looked at.
export async function answerCsk(node, request) {
  if (!node.csk) refuse('UNAVAILABLE', 'CSK not held yet')
  if (request.requester_member_id.length !== 32) refuse('INVALID_ARGUMENT', 'bad member id')
  const id = bytesToHex(request.requester_member_id)
  const xPub = await node.read(node.cluster, 'xPubKeyOf', id).catch((e) => refuse('INTERNAL', reason(e)))
  if (xPub === ZERO32) refuse('PERMISSION_DENIED', 'requester is not a cluster member')
  log('csk-served', { requester: id })
  return { sealed_csk: Buffer.from(seal(node.csk, xPub)) }
}

// -> function that stops serving
export function servePeers(node) {
  const server = new grpc.Server()
  const noPunch = (call, done) => done({ code: grpc.status.UNIMPLEMENTED, details: 'punch upgrade disabled' })
  const giveCsk = (call, done) => answerCsk(node, call.request).then((answer) => done(null, answer), done)
  server.addService(PeerControl.service, { RequestClusterSharedKey: giveCsk, NegotiatePunch: noPunch, ReportPunch: noPunch })
  let timer
  const bind = () => server.bindAsync(`${node.ip}:${PORT}`, grpc.ServerCredentials.createInsecure(), (e) => {
    log('peer-grpc', { port: PORT, failed: e ? reason(e) : null })
    if (e) timer = setTimeout(bind, 10000)
  })
  bind()
  return () => { clearTimeout(timer); server.forceShutdown() }
}

// One peer's answer opened and compared with the commitment; throws what went wrong.
function ask(node, peer, commitment, open) {
  const client = new PeerControl(`${peer.ip}:${PORT}`, grpc.credentials.createInsecure())
  const close = () => open.delete(close) && client.close()
  open.add(close)
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + CONNECT_MS, (e) => {
      if (e) return reject(new Error('no connection within 1 s'))
      const request = { requester_member_id: Buffer.from(hexToBytes(node.id)) }
      client.RequestClusterSharedKey(request, { deadline: Date.now() + RPC_MS }, (err, answer) => (err ? reject(err) : resolve(answer)))
    })
  }).then((answer) => {
    const key = node.keys.openSealed(answer.sealed_csk)
    if (key.length !== 32 || keccak256(key) !== commitment) throw new Error('the key does not match the commitment')
    return key
  }).finally(close)
}

// Originator, then live, then the rest, each by member id.
export function candidates({ peers, originator }) {
  const rank = (peer) => (peer.id === originator ? 0 : peer.live ? 1 : 2) + peer.id
  return [...peers.values()].sort((a, b) => (rank(a) < rank(b) ? -1 : 1))
}

// -> { key, from } of the first good answer, or null when nobody has one.
export function pull(list, askOne) {
  const open = new Set()
  let next = 0, won = false
  return new Promise((resolve) => {
    const win = (found) => { won = true; resolve(found); for (const close of [...open]) close() }
    const worker = async () => {
      while (!won && next < list.length) {
        const peer = list[next++]
        await askOne(peer, open).then((key) => win({ key, from: peer.id }), (e) => won || log('csk-refused', { peer: peer.id, reason: reason(e) }))
      }
    }
    Promise.all(Array.from({ length: PARALLEL }, worker)).then(() => resolve(null))
  })
}

async function tryOnce(node) {
  const commitment = await node.read(node.cluster, 'cskCommitment')
  if (commitment !== ZERO32 && commitment !== node.cacheTriedFor) {
    node.cacheTriedFor = commitment
    const key = await cachedCsk(node, commitment).catch((e) => log('state-ignored', { file: 'csk.v1', reason: reason(e) }))
    if (key) return { key, from: 'cache' }
  }
  if (node.originator === node.id) {
    const key = await deriveCsk(node.agent)
    if (commitment === ZERO32) await node.submit('setCskCommitment', node.cluster, calldata('setCskCommitment', keccak256(key)))
    else if (commitment !== keccak256(key)) throw new Error('CSK: expected the derived key to match the commitment, got another commitment')
    return { key, from: 'self' }
  }
  if (commitment === ZERO32) return null
  node.setPhase('pulling-csk')
  return pull(candidates(node), (peer, open) => ask(node, peer, commitment, open))
}

export async function runCsk(node, signal) {
  for (let delay = 250, known = -1; !signal.aborted; delay = Math.min(delay * 2, 2000)) {
    if (known !== node.peers.size) { known = node.peers.size; delay = 250 }
    const found = await tryOnce(node).catch((e) => log('csk-failed', { reason: reason(e) }))
    if (found) {
      node.csk = found.key
      if (found.from !== 'cache') await keepCsk(node, found.key).catch((e) => log('state-not-written', { file: 'csk.v1', reason: reason(e) }))
      log('csk-held', { from: found.from, commitment: keccak256(found.key) })
      return node.settlePhase()
    }
    await sleep(Math.min(2000, Math.max(250, delay * (0.8 + 0.4 * Math.random()))), undefined, { signal }).catch(() => {})
  }
}

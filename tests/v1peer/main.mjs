// main.mjs -- start a v1 node from the environment; SIGTERM ends it with exit code 0
// SPDX-License-Identifier: Apache-2.0
import http from 'node:http'
import { makeAgent } from './agent.mjs'
import { startBeats } from './beats.mjs'
import { runCsk, servePeers } from './csk.mjs'
import { log, reason } from './log.mjs'
import { identify, publishEd25519, register, runReconcile } from './node.mjs'
import { makeDevice } from './wg.mjs'

function number(name, fallback) {
  const value = Number(process.env[name] || fallback)
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${name}: expected a positive integer, got "${process.env[name] ?? ''}"`)
  return value
}
function need(name) {
  if (!process.env[name]) throw new Error(`${name}: expected a value, got none`)
  return process.env[name]
}
function settingsOf(env) {
  const member = env.MEMBER_CONTRACT?.toLowerCase() || undefined
  if (member && !/^0x[0-9a-f]{40}$/.test(member)) throw new Error('MEMBER_CONTRACT: expected 20 bytes as 0x hex, got another shape')
  return {
    member: member && BigInt(member) ? member : undefined, chainId: number('CHAIN_ID'), rpcUrl: need('RPC_URL'), bundlerUrl: need('BUNDLER_URL'),
    paymasterUrl: env.PAYMASTER_URL, policy: env.GAS_POLICY_ID, endpoints: env.ATTESTMESH_ENDPOINTS, wgPort: number('WG_LISTEN_PORT', 51821),
    socket: env.DSTACK_SOCKET || '/var/run/dstack.sock', health: env.HEALTH_HTTP_ADDR || '127.0.0.1:9090', reconcileMs: number('RECONCILE_MS', 15000),
  }
}

function makeNode(settings) {
  return {
    agent: makeAgent(settings.socket), device: makeDevice({ port: settings.wgPort }), peers: new Map(),
    phase: 'booting', firstConverged: false, csk: null, originator: null,
    setPhase(phase) { if (phase !== this.phase) { this.phase = phase; log('phase', { phase }) } },
    settlePhase() {
      const met = this.firstConverged || [...this.peers.values()].some((p) => p.live)
      if (met) this.setPhase(this.firstConverged && this.csk ? 'healthy' : 'heartbeating')
    },
    health() {
      const peers = [...this.peers.values()]
      return {
        phase: this.phase, first_converged: this.firstConverged, csk_acquired: this.csk !== null, live_peers: peers.filter((p) => p.live).length,
        transports: Object.fromEntries(peers.map((p) => [p.id.slice(2), 'udp'])),
        punch: { punch_attempts_total: 0, punch_success_total: 0, udp_reverts_total: 0 },
        indexer_connected: false, indexer_caught_up: false, indexer_cursor_block: 0,
      }
    },
  }
}

function serveHealth(node, address) {
  const colon = address.lastIndexOf(':')
  const server = http.createServer((request, response) => {
    const known = request.url.split('?')[0] === '/healthz'
    const code = !known ? 404 : node.firstConverged && node.csk ? 200 : 503
    response.writeHead(code, { 'content-type': 'application/json' }).end(known ? JSON.stringify(node.health()) : '{}')
  })
  return new Promise((resolve, reject) => server.once('error', reject).listen(Number(address.slice(colon + 1)), address.slice(0, colon), () => resolve(() => {
    server.close()
    server.closeAllConnections?.()
  })))
}

const stop = new AbortController()
const closers = []
let node, ending = false

async function end(code) {
  if (ending) return
  ending = true
  stop.abort()
  for (const close of closers.reverse()) {
    try { await close() } catch (e) { log('cleanup-failed', { reason: reason(e) }) }
  }
  log('stopped', { code })
  process.exit(code)
}
for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => end(0))

try {
  const settings = settingsOf(process.env), { signal } = stop
  node = makeNode(settings)
  log('booting', { chainId: settings.chainId })
  await identify(node, settings, signal)
  closers.push(() => node.device.down())
  await node.device.up(node.keys.wgSecretBase64, node.ip, node.prefix)
  await register(node, signal)
  node.setPhase('subscribing')
  closers.push(startBeats(node), servePeers(node))
  const tasks = [runReconcile(node, settings, signal), publishEd25519(node, signal), runCsk(node, signal)]
  closers.push(await serveHealth(node, settings.health))
  log('serving', { health: settings.health })
  await Promise.all(tasks)
} catch (e) {
  if (!ending) { log('fatal', { reason: reason(e) }); await end(1) }
}

// main.mjs -- start a v1 node from the environment; SIGTERM ends it with exit code 0
import http from 'node:http'
import { makeAgent } from './agent.mjs'
import { startBeats } from './beats.mjs'
import { runCsk, servePeers } from './csk.mjs'
import { log, reason } from './log.mjs'
import { identify, publishEd25519, register, runReconcile } from './node.mjs'
import { makeDevice } from './wg.mjs'

function number(name, fallback) {
  if (!/^[1-9]\d{0,9}$/.test(process.env[name] || fallback)) throw new Error(`${name}: expected a positive integer, got "${process.env[name]}"`)
  return Number(process.env[name] || fallback)
}
function settingsOf(env) {
  for (const name of ['CHAIN_ID', 'RPC_URL', 'BUNDLER_URL']) if (!env[name]) throw new Error(`${name}: expected a value, got none`)
  const member = env.MEMBER_CONTRACT?.toLowerCase() || undefined
  if (member && !/^0x[0-9a-f]{40}$/.test(member)) throw new Error('MEMBER_CONTRACT: expected 20 bytes as 0x hex, got another shape')
  return {
    member: member && BigInt(member) ? member : undefined, chainId: number('CHAIN_ID'), rpcUrl: env.RPC_URL, bundlerUrl: env.BUNDLER_URL,
    paymasterUrl: env.PAYMASTER_URL, policy: env.GAS_POLICY_ID, endpoints: env.ATTESTMESH_ENDPOINTS, stateDir: env.SIDECAR_STATE_DIR, wgPort: number('WG_LISTEN_PORT', 51821),
    socket: env.DSTACK_SOCKET || '/var/run/dstack.sock', health: env.HEALTH_HTTP_ADDR || '127.0.0.1:9090', reconcileMs: number('RECONCILE_MS', 15000),
  }
}

function makeNode(settings) {
  return {
    agent: makeAgent(settings.socket), device: makeDevice({ port: settings.wgPort }), peers: new Map(),
    phase: 'booting', firstConverged: false, csk: null, originator: null,
    setPhase(phase) {
      if (phase !== this.phase) log('phase', { phase })
      this.phase = phase
    },
    settlePhase() {
      const met = this.firstConverged || [...this.peers.values()].some((p) => p.live)
      if (met) this.setPhase(this.firstConverged && this.csk ? 'healthy' : 'heartbeating')
    },
    health() {
      const peers = [...this.peers.values()], transports = Object.fromEntries(peers.map((p) => [p.id.slice(2), 'udp']))
      return {
        phase: this.phase, first_converged: this.firstConverged, csk_acquired: this.csk !== null, live_peers: peers.filter((p) => p.live).length,
        transports, punch: { punch_attempts_total: 0, punch_success_total: 0, udp_reverts_total: 0 },
        indexer_connected: false, indexer_caught_up: false, indexer_cursor_block: 0,
      }
    },
  }
}

function serveHealth(node, address) {
  const [, host, port] = /^(.*):(\d+)$/.exec(address) ?? []
  const server = http.createServer((request, response) => {
    const known = request.url === '/healthz', code = !known ? 404 : node.firstConverged && node.csk ? 200 : 503
    response.writeHead(code, { 'content-type': 'application/json' }).end(known ? JSON.stringify(node.health()) : '{}')
  })
  return new Promise((resolve, reject) => server.once('error', reject).listen(port, host, () => resolve(() => server.close())))
}

const stop = new AbortController(), closers = []
async function end(code) {
  if (stop.signal.aborted) return
  stop.abort()
  for (const close of closers.reverse()) await Promise.resolve().then(close).catch((e) => log('cleanup-failed', { reason: reason(e) }))
  log('stopped', { code })
  process.exit(code)
}
process.removeAllListeners('warning').on('warning', (w) => log('warning', { reason: w.message }))
for (const name of ['SIGTERM', 'SIGINT']) process.on(name, () => end(0))
try {
  const settings = settingsOf(process.env), node = makeNode(settings), { signal } = stop
  log('booting', { chainId: settings.chainId })
  await identify(node, settings, signal)
  closers.push(() => node.device.down())
  await node.device.up(node.keys.wgSecretBase64, node.ip, node.prefix)
  if (await register(node, signal)) {
    node.setPhase('subscribing')
    closers.push(startBeats(node), servePeers(node))
    for (const task of [runReconcile, publishEd25519, runCsk]) task(node, signal, settings)
  }
  closers.push(await serveHealth(node, settings.health))
  log('serving', { health: settings.health })
} catch (e) {
  if (!stop.signal.aborted) log('fatal', { reason: reason(e) })
  await end(1)
}

// beats.mjs -- heartbeats inside the mesh and v1's convergence over them
import dgram from 'node:dgram'
import { verifyEd25519 } from './keys.mjs'
import { log, reason } from './log.mjs'
import { converged, decodeHeartbeat, encodeHeartbeat, heartbeatDigest } from './wire.mjs'

const PORT = 51820, INTERVAL_MS = 2000, SKEW_MS = 10000n
// Why v1 would drop this datagram, or null. peer: { ip, edPub, lastStamp } of the sender, or undefined.
export function refusal(beat, peer, sourceIp, now) {
  if (!peer) return 'unknown sender'
  if (!peer.edPub) return 'no Ed25519 key of the sender yet'
  if (sourceIp !== peer.ip) return 'source is not the mesh address of the sender'
  const skew = beat.timestamp - BigInt(now)
  if (skew > SKEW_MS || skew < -SKEW_MS) return 'timestamp more than 10 s away'
  if (peer.lastStamp !== undefined && beat.timestamp <= peer.lastStamp) return 'timestamp not greater than the last one'
  if (!verifyEd25519(beat.signature, heartbeatDigest(beat), peer.edPub)) return 'bad signature'
  return null
}

export function startBeats(node) {
  const views = new Map(), told = new Set()
  const once = (key, fields) => { if (!told.has(key)) log('heartbeat-refused', fields); told.add(key) }
  const ownView = () => [...node.peers.keys(), node.id]

  function receive(datagram, source) {
    let beat
    try { beat = decodeHeartbeat(datagram) } catch (e) { return once(source.address, { source: source.address, reason: reason(e) }) }
    const peer = node.peers.get(beat.sender), now = Date.now()
    const why = refusal(beat, peer, source.address, now)
    if (why) return once(beat.sender + why, { sender: beat.sender, reason: why })
    if (!peer.live) log('peer-live', { peer: peer.id, meshIp: peer.ip, listed: beat.connected.length })
    peer.live = true
    peer.lastStamp = beat.timestamp
    views.set(beat.sender, { view: new Set(beat.connected), at: now })
    views.set(node.id, { view: new Set(ownView()), at: now })
    if (node.firstConverged || !converged(views, now)) return
    node.firstConverged = true
    node.settlePhase()
  }

  const sender = dgram.createSocket('udp4'), timers = []
  let receiver, delay = 1000
  function listen() {
    receiver = dgram.createSocket('udp4', receive).on('error', (e) => {
      log('heartbeat-bind-failed', { reason: e.code })
      receiver.close()
      receiver = undefined
      timers[1] = setTimeout(listen, delay)
      delay = Math.min(delay * 2, 30000)
    }).bind(PORT, node.ip)
  }

  function beat() {
    const payload = { version: 1, sender: node.id, timestamp: Date.now(), connected: ownView() }
    const datagram = encodeHeartbeat(payload, node.keys.sign(heartbeatDigest(payload)))
    // A lost datagram is the normal case of UDP; the next one follows in 2 s.
    for (const peer of node.peers.values()) sender.send(datagram, PORT, peer.ip, () => {})
  }

  sender.on('error', (e) => log('heartbeat-send-failed', { reason: e.code })).bind(0, node.ip, () => { timers[0] = setInterval(beat, INTERVAL_MS); beat() })
  listen()
  return () => { timers.forEach(clearTimeout); sender.close(); receiver?.close() }
}

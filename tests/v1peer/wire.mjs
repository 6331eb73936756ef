// wire.mjs -- v1's derivations and datagrams as pure functions; ids and hashes are lower-case 0x hex
import { decodeFirst, encode } from 'cborg'
import { bytesToHex, concatHex, encodeAbiParameters, hexToBytes, keccak256, parseAbiParameters, stringToBytes, toHex } from 'viem'

export const ATTESTOR_DSTACK = keccak256(stringToBytes('attestmesh.attestor.dstack'))
const ID_TYPES = parseAbiParameters('address, address, bytes32')
const BIND_TYPES = parseAbiParameters('string, address, address, bytes32, bytes32')

export const memberId = (cluster, member, attestor = ATTESTOR_DSTACK) => keccak256(encodeAbiParameters(ID_TYPES, [cluster, member, attestor]))
export const bindHash = (cluster, member, xPub, wgPub) =>
  keccak256(encodeAbiParameters(BIND_TYPES, ['attestmesh.bind.v1', cluster, member, xPub, wgPub]))

// The mesh address of a member, uint32. The contract panics for prefixes above 30.
export function meshIp(id, cidrIp, prefix) {
  if (prefix > 30) throw new Error(`mesh CIDR: expected a prefix of 30 or less, got ${prefix}`)
  const low = BigInt('0x' + keccak256(id).slice(-8))
  return Number(BigInt(cidrIp) | ((low % (2n ** BigInt(32 - prefix) - 2n)) + 1n))
}

export const dotted = (ip) => [24, 16, 8, 0].map((s) => (ip >>> s) & 255).join('.')
export const ints = (hex) => Array.from(hexToBytes(hex))
const must = (good, what) => { if (!good) throw new Error(`expected ${what}, got something else`) }

export const heartbeatDigest = ({ version, sender, timestamp, connected }) =>
  keccak256(concatHex([toHex(version, { size: 1 }), sender, toHex(timestamp, { size: 8 }), ...connected]))

export function encodeHeartbeat({ version, sender, timestamp, connected }, signature) {
  const payload = { version, sender_member_id: ints(sender), timestamp_ms: timestamp, connected_member_ids: connected.map(ints) }
  // v1 keeps declaration order; the encoder would sort the keys.
  return encode({ payload, signature: ints(signature) }, { mapSorter: () => 0 })
}

export function hexOf(value, length, what) {
  const bytes = value instanceof Uint8Array ? [...value] : value
  must(Array.isArray(bytes) && bytes.length === length && bytes.every((n) => Number.isInteger(n) && n >= 0 && n < 256), `${length} bytes of ${what}`)
  return bytesToHex(Uint8Array.from(bytes))
}

// Trailing bytes, unknown keys, long integers and indefinite lengths pass, as they do at v1's decoder.
export function decodeHeartbeat(datagram) {
  const [top] = decodeFirst(datagram, { useMaps: true, rejectDuplicateMapKeys: true, strict: false })
  const payload = top instanceof Map ? top.get('payload') : undefined
  must(payload instanceof Map, 'a map with a map in payload')
  const version = payload.get('version'), timestamp = payload.get('timestamp_ms'), connected = payload.get('connected_member_ids')
  must(Number.isInteger(version) && version >= 0 && version < 256, 'a u8 version')
  must((Number.isInteger(timestamp) || typeof timestamp === 'bigint') && timestamp >= 0, 'a u64 timestamp')
  must(Array.isArray(connected), 'an array of ids')
  return {
    version, timestamp: BigInt(timestamp), sender: hexOf(payload.get('sender_member_id'), 32, 'sender'),
    connected: connected.map((id) => hexOf(id, 32, 'connected id')), signature: hexOf(top.get('signature'), 64, 'signature'),
  }
}

// views: id -> { view: Set of ids, at: ms }, self included. v1 compares whole sets, so one dead member holds everybody back.
export function converged(views, now, windowMs = 6000) {
  const active = new Map([...views].filter(([, v]) => now - v.at < windowMs))
  const live = new Set([...active.values()].flatMap((v) => [...v.view]))
  const same = (ids) => ids.size === live.size && [...ids].every((id) => live.has(id))
  return active.size > 0 && same(new Set(active.keys())) && [...active.values()].every((v) => same(v.view))
}

// wire.mjs -- v1's derivations and datagrams as pure functions; ids and hashes are lower-case 0x hex
// SPDX-License-Identifier: Apache-2.0
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

export const heartbeatDigest = ({ version, sender, timestamp, connected }) =>
  keccak256(concatHex([toHex(version, { size: 1 }), sender, toHex(timestamp, { size: 8 }), ...connected]))

const ints = (hex) => Array.from(hexToBytes(hex))

export function encodeHeartbeat({ version, sender, timestamp, connected }, signature) {
  const payload = { version, sender_member_id: ints(sender), timestamp_ms: timestamp, connected_member_ids: connected.map(ints) }
  // v1 keeps declaration order; the encoder would sort the keys.
  return encode({ payload, signature: ints(signature) }, { mapSorter: () => 0 })
}

function hexOf(value, length, what) {
  const bytes = value instanceof Uint8Array ? value : Array.isArray(value) ? Uint8Array.from(value, (n) => {
    if (!Number.isInteger(n) || n < 0 || n > 255) throw new Error(`heartbeat: expected bytes in ${what}, got another element`)
    return n
  }) : new Uint8Array()
  if (bytes.length !== length) throw new Error(`heartbeat: expected ${length} bytes of ${what}, got ${bytes.length}`)
  return bytesToHex(bytes)
}

// Trailing bytes, unknown keys, long integers and indefinite lengths pass, as they do at v1's decoder.
export function decodeHeartbeat(datagram) {
  const [top] = decodeFirst(datagram, { useMaps: true, rejectDuplicateMapKeys: true, strict: false })
  const payload = top instanceof Map ? top.get('payload') : undefined
  if (!(payload instanceof Map)) throw new Error('heartbeat: expected a map payload, got something else')
  const version = payload.get('version'), timestamp = payload.get('timestamp_ms'), connected = payload.get('connected_member_ids')
  if (!Number.isInteger(version) || version < 0 || version > 255) throw new Error('heartbeat: expected a u8 version, got something else')
  if (!['number', 'bigint'].includes(typeof timestamp) || timestamp < 0) throw new Error('heartbeat: expected a u64 timestamp, got something else')
  if (!Array.isArray(connected)) throw new Error('heartbeat: expected an array of ids, got something else')
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

// peer.test.mjs -- the peer's own wire code against the worked examples of the protocol page and the golden vectors
import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import test from 'node:test'
import { hexToBytes, keccak256 } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { makeAgent } from './agent.mjs'
import { refusal } from './beats.mjs'
import { calldata } from './chain.mjs'
import { answerCsk, candidates, PeerControl, pull } from './csk.mjs'
import { makeKeys, normaliseV, registrationProof, seed32 } from './keys.mjs'
import { signUserOp, userOpHash } from './userop.mjs'
import { bindHash, converged, decodeHeartbeat, encodeHeartbeat, heartbeatDigest, memberId, meshIp } from './wire.mjs'

const json = (url) => JSON.parse(readFileSync(url))
const page = json(new URL('examples.json', import.meta.url))
const folder = process.env.ATTESTMESH_VECTORS ? `file://${process.env.ATTESTMESH_VECTORS}/` : new URL('../vectors/', import.meta.url)
const cases = (name) => json(new URL(name, folder)).cases
const of = (byte, n = 32) => '0x' + byte.repeat(n), hex = (bytes) => '0x' + Buffer.from(bytes).toString('hex')
const CLUSTER = '0x' + '00'.repeat(19) + '0a', MEMBER = '0x' + '00'.repeat(19) + '0b', KEY3 = '0x' + '00'.repeat(31) + '03'
const keysOf = (identity, wireguard = of('01'), ownerKey = KEY3, chain = []) =>
  makeKeys({ identity: seed32(identity), wireguard: seed32(wireguard), ownerKey: seed32(ownerKey), chain })

test('member ids and mesh addresses', () => {
  for (const c of [...page.members, ...cases('member.json')]) {
    const id = memberId(c.cluster, c.member_contract, c.attestor_id)
    assert.deepEqual([id, meshIp(id, c.cidr_ip, c.cidr_prefix)], [c.member_id, c.mesh_ip])
  }
  assert.equal(memberId(CLUSTER, MEMBER), page.members[2].member_id)
})

test('keys of the seeds', () => {
  for (const c of [page.identity, ...cases('identity.json')]) {
    const k = keysOf(c.identity_seed, c.wireguard_seed, c.binding_seed)
    assert.deepEqual([k.edPub, k.xPub], [c.ed25519_pub, c.x25519_pub])
    if (c.binding_seed) assert.deepEqual([k.wgPub, k.derivedPub, k.account.address], [c.wireguard_pub, c.binding_pub_compressed, c.binding_address])
  }
})

test('registration: bind hash, proof and calldata, recovery ids 0 and 1 raised', async () => {
  assert.equal(bindHash(CLUSTER, MEMBER, of('11'), of('22')), page.bind_hash)
  const right = [page.registration.app_signature, page.registration.kms_signature]
  const raw = right.map((s) => s.slice(2, -2) + (s.endsWith('1b') ? '00' : '01'))
  assert.deepEqual([...raw, ...right].map(normaliseV), [...right, ...right])
  const keys = { ...keysOf(of('07'), of('01'), KEY3, raw), xPub: of('11'), wgPub: of('22') }
  const inner = calldata('dstack_register', await registrationProof(keys, CLUSTER, MEMBER), MEMBER, of('11'), of('22'))
  assert.equal(inner, page.registration.calldata)
  assert.equal(keccak256(calldata('execute', CLUSTER, 0n, inner)), page.registration.execute_keccak256)
  for (const c of cases('registration.json')) {
    const own = { ...keysOf(of('07'), of('01'), c.derived_private_key, c.agent_signature_chain), xPub: c.x_pub, wgPub: c.wg_pub }
    assert.deepEqual(await registrationProof(own, c.cluster, c.member_contract.toLowerCase()), c.proof)
  }
})

test('user operation hash and signature', async () => {
  assert.equal(calldata('execute', CLUSTER, 0n, calldata('publishEd25519Key', of('33'))), page.user_op.user_operation.callData)
  for (const c of [page.user_op, ...cases('userop.json')]) {
    const op = Object.fromEntries(Object.entries(c.user_operation).map(([k, v]) => [k, /Gas|nonce/.test(k) ? BigInt(v) : v]))
    assert.equal(userOpHash(op, c.chain_id), c.user_op_hash)
    assert.equal(await signUserOp(privateKeyToAccount(c.owner_private_key), op, c.chain_id), c.signature)
  }
})

test('sealed boxes and the messages that carry them', () => {
  const keys = keysOf(of('06')), { requestSerialize, responseDeserialize } = PeerControl.service.RequestClusterSharedKey
  assert.equal(keys.xPub, page.recipient_pub)
  assert.equal(Buffer.from(keys.openSealed(hexToBytes(page.sealed_hello))).toString(), 'hello')
  assert.equal(hex(requestSerialize({ requester_member_id: Buffer.alloc(32, 1) })), page.csk_request)
  const { sealed_csk: sealed } = responseDeserialize(Buffer.from(hexToBytes(page.sealed_csk_message)))
  assert.equal(hex(sealed), page.sealed_csk)
  assert.equal(calldata('setCskCommitment', keccak256(keys.openSealed(sealed))), page.csk_call)
  for (const c of cases('sealed_box.json')) {
    const open = () => hex(keysOf(c.secret).openSealed(hexToBytes(c.sealed)))
    c.opens ? assert.equal(open(), c.plaintext) : assert.throws(open)
  }
})

test('heartbeats, byte for byte and when they are accepted', () => {
  for (const c of [page.heartbeat, ...cases('heartbeat.json')]) {
    const beat = { version: c.version, sender: c.sender_member_id, timestamp: BigInt(c.timestamp_ms), connected: c.connected_member_ids }
    assert.equal(heartbeatDigest(beat), c.digest)
    assert.equal(keysOf(c.ed25519_seed).sign(c.digest), c.signature)
    assert.equal(hex(encodeHeartbeat(beat, c.signature)), c.cbor)
    assert.deepEqual(decodeHeartbeat(hexToBytes(c.cbor + '00')), { ...beat, signature: c.signature })
  }
  for (const bad of ['0x', '0xa0', '0xff', page.heartbeat.cbor.slice(0, -8)]) assert.throws(() => decodeHeartbeat(hexToBytes(bad)))
  const beat = decodeHeartbeat(hexToBytes(page.heartbeat.cbor)), now = 1700000000000
  const check = (over, at = now, ip = '10.13.0.9') => refusal({ ...beat, ...over }, { ip: '10.13.0.9', edPub: page.identity.ed25519_pub, ...over }, ip, at)
  for (const good of [check({}), check({}, now + 10000), check({}, now - 10000), check({ lastStamp: BigInt(now) - 1n })]) assert.equal(good, null)
  const bad = [refusal(beat, undefined, '10.13.0.9', now), check({ edPub: null }), check({}, now, '10.13.0.8'), check({}, now + 10001),
    check({}, now - 10001), check({ lastStamp: BigInt(now) }), check({ connected: [] })]
  assert.equal(new Set(bad.filter((why) => typeof why === 'string')).size, 6)
})

test('convergence compares whole views of the active', () => {
  const at = (ms, ids) => ({ at: ms, view: new Set(ids) }), of2 = (a, b, now) => converged(new Map([['a', a], ['b', b]]), now)
  assert.ok(of2(at(0, 'ab'), at(0, 'ba'), 5999))
  assert.ok(!converged(new Map(), 0))
  for (const [a, b, now] of [[at(0, 'ab'), at(0, 'b'), 1], [at(6000, 'ab'), at(0, 'ba'), 6000], [at(0, 'abx'), at(0, 'bax'), 1]]) assert.ok(!of2(a, b, now))
})

test('who is asked for the CSK, whose answer counts, who gets it', async () => {
  const peers = new Map([['d'], ['c', { live: true }], ['b'], ['z'], ['a', { live: true }]].map(([id, p]) => [id, { id, ...p }]))
  const list = candidates({ peers, originator: 'z' }), none = () => Promise.reject(new Error('not held'))
  assert.equal(list.map((p) => p.id).join(''), 'zacbd')
  assert.deepEqual(await pull(list, async (p) => (p.id === 'c' ? 'key' : none())), { key: 'key', from: 'c' })
  assert.equal(await pull(list, none), null)
  const keys = keysOf(of('06')), ask = (node, n = 32) => answerCsk(node, { requester_member_id: Buffer.alloc(n, 1) })
  const held = (xPub) => ({ csk: Buffer.alloc(32, 0x42), read: async () => xPub })
  for (const [node, n, code] of [[{}, 3, 14], [held(of('00')), 31, 3], [held(of('00')), 32, 7]]) await assert.rejects(ask(node, n), { code })
  assert.equal(keccak256(keys.openSealed((await ask(held(keys.xPub))).sealed_csk)), page.csk_commitment)
})

test('a guest agent that keeps the connection, and one that refuses', async (t) => {
  const path = `/tmp/v1peer-test-${process.pid}.sock`, requests = []
  const answers = [`HTTP/1.1 200 OK\r\ncontent-length: 53\r\n\r\n{"app_id":"${'Ab'.repeat(20)}"}`, 'HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}']
  const server = net.createServer((s) => s.once('data', (d) => s.write(answers[requests.push(d.toString()) - 1]))).listen(path)
  t.after(() => { server.close(); rmSync(path, { force: true }) })
  assert.equal(await makeAgent(path).appId(), of('ab', 20))
  await assert.rejects(makeAgent(path).getKey('p', 'q'), /HTTP 400/)
  assert.match(requests[1], /^POST \/GetKey HTTP\/1\.1\r\n[^]*Connection: close\r\n\r\n/)
})

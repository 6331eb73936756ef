// peer.test.mjs -- the peer's own wire code against the worked examples of the protocol page and the golden vectors
// SPDX-License-Identifier: Apache-2.0
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
import { bindHash, converged, decodeHeartbeat, dotted, encodeHeartbeat, heartbeatDigest, memberId, meshIp } from './wire.mjs'

const json = (url) => JSON.parse(readFileSync(url))
const page = json(new URL('examples.json', import.meta.url))
const folder = process.env.ATTESTMESH_VECTORS ? `file://${process.env.ATTESTMESH_VECTORS}/` : new URL('../vectors/', import.meta.url)
const cases = (name) => json(new URL(name, folder)).cases
const of = (byte, n = 32) => '0x' + byte.repeat(n), low = (hex) => hex.toLowerCase()
const CLUSTER = '0x' + '00'.repeat(19) + '0a', MEMBER = '0x' + '00'.repeat(19) + '0b', KEY3 = '0x' + '00'.repeat(31) + '03'
const keysOf = (identity, wireguard = of('01'), ownerKey = KEY3, chain = []) => makeKeys({ identity: seed32(identity), wireguard: seed32(wireguard), ownerKey, chain })

test('member ids and mesh addresses', () => {
  assert.equal(memberId('0xA46273adC86c772C7D8daE896a5fbfdDA2B6ccFA', '0x54e63929b4d8d09d3c9e3019d54bd20e289ed985'), '0x6c576be9dd0cbeef6fbcbda1325682c6da90c507e49f14f4c52addb19cee5ea6')
  assert.equal(memberId(CLUSTER, MEMBER), '0x996da70098511dba14f5ee13814851bc5bbbad55a781b28ac648c625d2a5e1b3')
  assert.equal(dotted(meshIp(memberId(CLUSTER, MEMBER), 168624128, 16)), '10.13.121.162')
  for (const c of cases('member.json')) {
    assert.equal(memberId(c.cluster, c.member_contract, c.attestor_id), c.member_id)
    assert.equal(meshIp(c.member_id, c.cidr_ip, c.cidr_prefix), c.mesh_ip)
  }
})

test('keys of the seeds', () => {
  const { edPub, xPub } = keysOf(of('07'))
  assert.deepEqual({ ed25519_pub: edPub, x25519_pub: xPub }, page.identity)
  for (const c of cases('identity.json')) {
    const k = keysOf(c.identity_seed, c.wireguard_seed, c.binding_seed)
    assert.deepEqual([k.edPub, k.xPub, k.wgPub, k.derivedPub, k.account.address], [c.ed25519_pub, c.x25519_pub, c.wireguard_pub, c.binding_pub_compressed, c.binding_address])
  }
})

test('bind hash and registration calldata, recovery ids 0 and 1 raised', async () => {
  assert.equal(bindHash(CLUSTER, MEMBER, of('11'), of('22')), page.bind_hash)
  const { app_signature: app, kms_signature: kms } = page.registration
  const raw = (s) => s.slice(2, -2) + (s.endsWith('1b') ? '00' : '01')
  assert.deepEqual([raw(app), raw(kms), app].map(normaliseV), [app, kms, app])
  const keys = { ...keysOf(of('07')), xPub: of('11'), wgPub: of('22'), chain: [raw(app), raw(kms)].map(normaliseV) }
  const proof = await registrationProof(keys, CLUSTER, MEMBER)
  assert.equal(proof.messageSignature, page.registration.message_signature)
  const inner = calldata('dstack_register', proof, MEMBER, of('11'), of('22'))
  assert.equal(inner, page.registration.calldata)
  assert.equal(keccak256(calldata('execute', CLUSTER, 0n, inner)), page.registration.execute_keccak256)
  for (const c of cases('registration.json')) {
    const own = { ...keysOf(of('07'), of('01'), c.derived_private_key, c.agent_signature_chain), xPub: c.x_pub, wgPub: c.wg_pub }
    const made = await registrationProof(own, c.cluster, low(c.member_contract))
    assert.deepEqual(made, c.proof)
  }
})

test('user operation hash and signature', async () => {
  const callData = calldata('execute', CLUSTER, 0n, calldata('publishEd25519Key', of('33')))
  assert.equal(callData, page.user_op.call_data)
  const op = { sender: MEMBER, nonce: 7n, callData, verificationGasLimit: 100000n, callGasLimit: 50000n, preVerificationGas: 50000n, maxPriorityFeePerGas: 1000000n, maxFeePerGas: 2000000n,
    paymaster: of('44', 20), paymasterVerificationGasLimit: 65536n, paymasterPostOpGasLimit: 32768n, paymasterData: '0xdeadbeef' }
  assert.equal(userOpHash(op, 8453), page.user_op.hash)
  assert.equal(await signUserOp(privateKeyToAccount(KEY3), op, 8453), page.user_op.signature)
  for (const { chain_id: chain, user_operation: u, ...c } of cases('userop.json')) {
    const same = Object.fromEntries(Object.entries(u).map(([k, v]) => [k, /Gas|nonce/.test(k) ? BigInt(v) : v]))
    assert.equal(userOpHash(same, chain), c.user_op_hash)
    assert.equal(await signUserOp(privateKeyToAccount(c.owner_private_key), same, chain), c.signature)
  }
})

test('sealed boxes and the messages that carry them', () => {
  const keys = keysOf(of('06'))
  assert.equal(keys.xPub, page.recipient_pub)
  assert.equal(Buffer.from(keys.openSealed(hexToBytes(page.sealed_hello))).toString(), 'hello')
  const csk = keys.openSealed(hexToBytes(page.sealed_csk))
  assert.equal(keccak256(csk), page.csk_commitment)
  assert.equal(calldata('setCskCommitment', keccak256(csk)), page.csk_call)
  const { requestSerialize, responseDeserialize } = PeerControl.service.RequestClusterSharedKey
  assert.equal('0x' + requestSerialize({ requester_member_id: Buffer.alloc(32, 1) }).toString('hex'), page.csk_request)
  assert.equal('0x' + responseDeserialize(Buffer.from(hexToBytes(page.sealed_csk_message))).sealed_csk.toString('hex'), page.sealed_csk)
  for (const c of cases('sealed_box.json')) {
    const open = () => Buffer.from(keysOf(c.secret).openSealed(hexToBytes(c.sealed))).toString('hex')
    if (c.opens) assert.equal('0x' + open(), c.plaintext)
    else assert.throws(open)
  }
})

test('heartbeat datagrams, byte for byte', () => {
  for (const c of [...cases('heartbeat.json'), { ed25519_seed: of('07'), version: 1, sender_member_id: of('01'), timestamp_ms: '1700000000000', connected_member_ids: [of('02'), of('01')], ...page.heartbeat, cbor: page.heartbeat.datagram }]) {
    const stamp = BigInt(c.timestamp_ms)
    const beat = { version: c.version, sender: c.sender_member_id, timestamp: stamp, connected: c.connected_member_ids }
    assert.equal(heartbeatDigest(beat), c.digest)
    assert.equal(keysOf(c.ed25519_seed).sign(c.digest), c.signature)
    assert.equal('0x' + Buffer.from(encodeHeartbeat(beat, c.signature)).toString('hex'), c.cbor)
    assert.deepEqual(decodeHeartbeat(Buffer.from(c.cbor.slice(2) + '00', 'hex')), { ...beat, signature: c.signature })
  }
  for (const bad of ['', 'a0', 'ff', page.heartbeat.datagram.slice(2, -8)]) assert.throws(() => decodeHeartbeat(Buffer.from(bad, 'hex')))
})

test('which heartbeats are accepted', () => {
  const beat = decodeHeartbeat(hexToBytes(page.heartbeat.datagram)), now = 1700000000000
  const peer = { ip: '10.13.0.9', edPub: page.identity.ed25519_pub }
  const check = (over, ip = peer.ip, at = now, b = beat) => refusal(b, over && { ...peer, ...over }, ip, at)
  assert.equal(check({}), null)
  assert.equal(check({}, peer.ip, now + 10000), null)
  assert.equal(check({ lastStamp: BigInt(now) - 1n }), null)
  for (const why of [check(undefined), check({ edPub: null }), check({}, '10.13.0.8'), check({}, peer.ip, now + 10001), check({}, peer.ip, now - 10001), check({ lastStamp: BigInt(now) }),
    check({}, peer.ip, now, { ...beat, connected: [] })]) assert.equal(typeof why, 'string')
})

test('convergence compares whole views of the active', () => {
  const at = (ms, ...ids) => ({ at: ms, view: new Set(ids) })
  assert.ok(converged(new Map([['a', at(0, 'a', 'b')], ['b', at(0, 'b', 'a')]]), 5999))
  assert.ok(!converged(new Map(), 0))
  assert.ok(!converged(new Map([['a', at(0, 'a', 'b')], ['b', at(0, 'b')]]), 1))
  assert.ok(!converged(new Map([['a', at(6000, 'a', 'b')], ['b', at(0, 'b', 'a')]]), 6000))
  assert.ok(!converged(new Map([['a', at(0, 'a', 'b', 'dead')], ['b', at(0, 'b', 'a', 'dead')]]), 1))
})

test('who is asked for the CSK, and whose answer counts', async () => {
  const peers = new Map([['d', {}], ['c', { live: true }], ['b', {}], ['z', {}], ['a', { live: true }]].map(([id, p]) => [id, { id, ...p }]))
  const list = candidates({ peers, originator: 'z' })
  assert.deepEqual(list.map((p) => p.id), ['z', 'a', 'c', 'b', 'd'])
  const found = await pull(list, async (p) => { if (p.id !== 'c') throw new Error('not held'); return 'key' })
  assert.deepEqual(found, { key: 'key', from: 'c' })
  assert.equal(await pull(list, async () => { throw new Error('not held') }), null)
  const keys = keysOf(of('06')), zero = of('00'), ask = (node, n = 32) => answerCsk(node, { requester_member_id: Buffer.alloc(n, 1) })
  const held = (xPub) => ({ csk: Buffer.alloc(32, 0x42), read: async () => xPub })
  for (const [node, n, code] of [[{}, 3, 14], [held(zero), 31, 3], [held(zero), 32, 7]]) await assert.rejects(ask(node, n), { code })
  assert.equal(keccak256(keys.openSealed((await ask(held(keys.xPub))).sealed_csk)), page.csk_commitment)
})

test('a guest agent that keeps the connection, and one that refuses', async () => {
  const path = `/tmp/v1peer-test-${process.pid}.sock`, requests = []
  const server = net.createServer((s) => s.on('data', (d) => {
    requests.push(d.toString())
    s.write(requests.length === 1 ? 'HTTP/1.1 200 OK\r\ncontent-length: 53\r\n\r\n{"app_id":"' + 'Ab'.repeat(20) : 'HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}')
    if (requests.length === 1) setTimeout(() => s.write('"}'), 20)
  })).listen(path)
  try {
    const agent = makeAgent(path)
    assert.equal(await agent.appId(), of('ab', 20))
    await assert.rejects(agent.getKey('p', 'q'), /HTTP 400/)
    assert.match(requests[1], /^POST \/GetKey HTTP\/1\.1\r\n[^]*Connection: close\r\n\r\n\{"path":"p","purpose":"q"\}$/)
  } finally {
    server.close()
    rmSync(path, { force: true })
  }
})

/*  mesh.test.mjs -- mesh addresses, the CSK commitment, published keys and messages  */
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { concatHex, hexToBigInt, keccak256, numberToHex, padHex } from 'viem'
import { Chain, isPanic, OWNER, STRANGER } from '../harness/chain.mjs'
import { deployCluster, deployMember, deploySuite, register, word } from '../harness/cluster.mjs'
import { memberIdOf } from '../harness/kms.mjs'
import { DSTACK_ATTESTOR, EVENTS, SLOTS } from '../harness/page.mjs'

let chain, suite, cluster, first, second, stray, firstId, secondId
before(async () => {
  chain = await Chain.start()
  suite = await deploySuite(chain)
  cluster = await deployCluster(suite)
  first = (await deployMember(suite, cluster, word(1))).address
  second = (await deployMember(suite, cluster, word(2))).address
  stray = (await deployMember(suite, cluster, word(3))).address
  await register(cluster, { address: first })
  await register(cluster, { address: second }, { derivedKey: word(4) })
  firstId = memberIdOf(cluster.address, first, DSTACK_ATTESTOR)
  secondId = memberIdOf(cluster.address, second, DSTACK_ATTESTOR)
})
after(() => chain.stop())

const slotAt = (id, n) => numberToHex(hexToBigInt(SLOTS[id]) + BigInt(n), { size: 32 })
const mapSlot = (key, slot) => keccak256(concatHex([key, slot]))

describe('ids and addresses', () => {
  it('are those of the page for the cluster 0x..0a and the member 0x..0b', () => {
    const id = memberIdOf(numberToHex(0x0a, { size: 20 }), numberToHex(0x0b, { size: 20 }), DSTACK_ATTESTOR)
    assert.equal(id, '0x996da70098511dba14f5ee13814851bc5bbbad55a781b28ac648c625d2a5e1b3')
  })
  it('are those of the page in 10.13.0.0/16, for members and for others', async () => {
    const known = {
      [word(1)]: 168656109,
      [word(2)]: 168665671,
      [word(0xaa)]: 168680749,
      '0x996da70098511dba14f5ee13814851bc5bbbad55a781b28ac648c625d2a5e1b3': 0x0a0d79a2,
      '0x6c576be9dd0cbeef6fbcbda1325682c6da90c507e49f14f4c52addb19cee5ea6': 0x0a0d2ef1,
      '0xdf63f08dea0364ebe884d124e187b748585c38a5311f68a518eabd04d40c3c3d': 0x0a0d786d,
    }
    for (const [id, ip] of Object.entries(known)) assert.equal(await cluster.attest.read('meshIpOf', id), ip, id)
  })
  it('stay inside every usable range and panic where there is none', async () => {
    const change = (meshCidrPrefix) => ({ meshCidrPrefix, meshCidrIp: 0x0a000000 })
    for (const prefix of [8, 24, 30]) {
      const { attest } = await deployCluster(suite, word(0x200 + prefix), change(prefix))
      for (let n = 0; n < 8; ++n) {
        const host = (await attest.read('meshIpOf', word(n))) - 0x0a000000
        assert.ok(host >= 1 && host <= 2 ** (32 - prefix) - 2, `host ${host} in /${prefix}`)
      }
    }
    const all = await deployCluster(suite, word(0x300), { meshCidrPrefix: 0, meshCidrIp: 0 })
    assert.equal(await all.attest.read('meshIpOf', word(1)), (Number(BigInt(keccak256(word(1))) & 0xffffffffn) % (2 ** 32 - 2)) + 1)
    for (const [prefix, panic] of [[31, 0x12], [32, 0x11], [33, 0x11], [255, 0x11]]) {
      const { attest } = await deployCluster(suite, word(0x300 + prefix), change(prefix))
      isPanic(await chain.revertData({ to: attest.address, data: attest.data('meshIpOf', word(1)) }), panic)
    }
  })
})

describe('the CSK commitment', () => {
  it('is the originator\'s to set, once', async () => {
    for (const caller of [second, stray, OWNER, STRANGER]) {
      await cluster.attest.reverts(caller, 'NotOriginator', 'setCskCommitment', word(7))
    }
    assert.equal(await cluster.attest.read('cskCommitment'), word(0))
    const { logs } = await cluster.attest.write(first, 'setCskCommitment', word(7))
    assert.deepEqual(logs.map((log) => [log.topics, log.data]), [[[EVENTS.CskCommitmentSet[0]], word(7)]])
    assert.equal(await cluster.attest.read('cskCommitment'), word(7))
    assert.equal(await chain.slot(cluster.address, slotAt('attestmesh.storage.Member', 5)), word(7))
    await cluster.attest.reverts(first, 'CskCommitmentAlreadySet', 'setCskCommitment', word(8))
    await cluster.attest.reverts(first, 'CskCommitmentAlreadySet', 'setCskCommitment', word(7))
    await cluster.attest.reverts(second, 'NotOriginator', 'setCskCommitment', word(8))
  })
  it('stays open when zero is set, with an event', async () => {
    const young = await deployCluster(suite, word(0x400))
    const { address } = await deployMember(suite, young, word(1))
    await young.attest.reverts(address, 'NotOriginator', 'setCskCommitment', word(1))
    await register(young, { address })
    const { logs } = await young.attest.write(address, 'setCskCommitment', word(0))
    assert.deepEqual(logs.map((log) => [log.topics[0], log.data]), [[EVENTS.CskCommitmentSet[0], word(0)]])
    await young.attest.write(address, 'setCskCommitment', word(9))
    assert.equal(await young.attest.read('cskCommitment'), word(9))
  })
})

describe('published keys', () => {
  it('are a member\'s to publish', async () => {
    for (const caller of [stray, OWNER, STRANGER]) {
      await cluster.network.reverts(caller, 'NotClusterMember', 'publishWgKey', word(1))
      await cluster.network.reverts(caller, 'NotClusterMember', 'publishEd25519Key', word(1))
    }
  })
  it('of WireGuard reach the member\'s record too', async () => {
    const { logs } = await cluster.network.write(second, 'publishWgKey', word(0x99))
    assert.deepEqual(logs.map((log) => [log.topics, log.data]), [[[EVENTS.WgKeyPublished[0], secondId], word(0x99)]])
    assert.equal(await cluster.network.read('wgPubKeyOf', secondId), word(0x99))
    assert.equal((await cluster.attest.read('memberById', secondId)).wgPubKey, word(0x99))
    assert.equal(await cluster.network.read('wgPubKeyOf', firstId), word(0x22))
  })
  it('of Ed25519 start at zero and are overwritten without a question', async () => {
    assert.equal(await cluster.network.read('ed25519KeyOf', firstId), word(0))
    for (const key of [word(0x41), word(0x41), word(0x42)]) {
      const { logs } = await cluster.network.write(first, 'publishEd25519Key', key)
      assert.deepEqual(logs.map((log) => [log.topics, log.data]), [[[EVENTS.Ed25519KeyPublished[0], firstId], key]])
      assert.equal(await cluster.network.read('ed25519KeyOf', firstId), key)
    }
    assert.equal(await chain.slot(cluster.address, mapSlot(firstId, slotAt('attestmesh.storage.Network', 1))), word(0x42))
    assert.equal(await cluster.network.read('ed25519KeyOf', secondId), word(0))
  })
})

describe('messages', () => {
  const send = (from, to, id, text = '0x') => cluster.message.write(from, 'send', to, id, text)
  const refused = (from, error, to, id) => cluster.message.reverts(from, error, 'send', to, id, '0x01')

  it('go from member to member and are carried by the log alone', async () => {
    const text = `0x${'5a'.repeat(100)}`
    const { logs } = await send(first, secondId, word(1), text)
    assert.equal(logs.length, 1)
    assert.deepEqual(logs[0].topics, [EVENTS.MessageSent[0], firstId, secondId, word(1)])
    assert.equal(logs[0].data, concatHex([word(32), word(100), padHex(text, { size: 128, dir: 'right' })]))
    const slot = mapSlot(word(1), mapSlot(secondId, slotAt('attestmesh.storage.Message', 0)))
    assert.equal(await chain.slot(cluster.address, slot), word(1))
  })
  it('may be empty, and may go to the sender itself', async () => {
    await send(first, firstId, word(1))
  })
  it('are refused from an outsider before anything else is looked at', async () => {
    for (const caller of [stray, OWNER, STRANGER]) await refused(caller, 'NotClusterMember', word(0xbad), word(1))
  })
  it('are refused to an outsider before the envelope is looked at', async () => {
    await refused(first, 'RecipientNotMember', word(0xbad), word(1))
    await refused(first, 'RecipientNotMember', word(0), word(1))
    await refused(first, 'RecipientNotMember', memberIdOf(cluster.address, stray, DSTACK_ATTESTOR), word(1))
  })
  it('spend an envelope id per recipient, whoever sends', async () => {
    await send(first, secondId, word(2))
    await refused(first, 'DuplicateEnvelope', secondId, word(2))
    await refused(second, 'DuplicateEnvelope', secondId, word(2))
    await send(second, firstId, word(2))
    await send(second, secondId, word(3))
  })
})

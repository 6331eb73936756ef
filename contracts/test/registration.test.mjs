/*  registration.test.mjs -- dstack_register: what it writes, and every reason to refuse  */
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { concatHex, hexToBigInt, keccak256, numberToHex, padHex, parseEventLogs } from 'viem'
import { Chain, DEPLOYER, OWNER, STRANGER } from '../harness/chain.mjs'
import { deployCluster, deployMember, deploySuite, register, registration, word } from '../harness/cluster.mjs'
import { addressOfKey, codeIdOf, DERIVED_KEY, memberIdOf, withAgentV } from '../harness/kms.mjs'
import { DSTACK_ATTESTOR, EVENTS, SLOTS } from '../harness/page.mjs'

let chain, suite, cluster, member, other
before(async () => {
  chain = await Chain.start()
  suite = await deploySuite(chain)
  cluster = await deployCluster(suite)
  member = await deployMember(suite, cluster, word(1))
  other = await deployMember(suite, cluster, word(2))
})
after(() => chain.stop())

const refused = (error, args) => cluster.dstack.reverts(STRANGER, error, 'dstack_register', ...args)
const slotAt = (base, n) => numberToHex(hexToBigInt(base) + BigInt(n), { size: 32 })
const mapSlot = (key, base, n) => keccak256(concatHex([padHex(key, { size: 32 }), slotAt(base, n)]))
const addressWord = (address) => padHex(address.toLowerCase(), { size: 32 })

describe('registration is refused', () => {
  it('for a contract that the member factory did not mint', async () => {
    const args = await registration(cluster, { address: STRANGER })
    await refused('NotOurMember', args)
  })
  it('when the code id is not the member\'s', async () =>
    refused('CodeIdMismatch', await registration(cluster, member, { codeId: codeIdOf(other.address) })))
  it('when the code id has bytes after the address', async () =>
    refused('CodeIdMismatch', await registration(cluster, member, { codeId: `${codeIdOf(member.address).slice(0, -1)}1` })))
  it('when the binding is for another key, member or cluster', async () => {
    const [proof, address, xPub, wgPub] = await registration(cluster, member)
    await refused('BindingMismatch', [proof, address, word(0x12), wgPub])
    await refused('BindingMismatch', [proof, address, xPub, word(0x23)])
    const elsewhere = await registration({ address: STRANGER }, member)
    await refused('BindingMismatch', elsewhere)
  })
  it('when the proof is replayed for another member', async () => {
    const [proof, , xPub, wgPub] = await registration(cluster, member)
    await refused('CodeIdMismatch', [proof, other.address, xPub, wgPub])
    await refused('BindingMismatch', [{ ...proof, codeId: codeIdOf(other.address) }, other.address, xPub, wgPub])
    const [theirs] = await registration(cluster, other)
    const spliced = { ...theirs, appSignature: proof.appSignature, kmsSignature: proof.kmsSignature }
    await refused('InvalidSigChain', [spliced, other.address, xPub, wgPub])
  })
  it('when the KMS root is another', async () =>
    refused('InvalidSigChain', await registration(cluster, member, { rootKey: word(9) })))
  it('when a recovery id is 0 or 1', async () => {
    for (const name of ['messageSignature', 'appSignature', 'kmsSignature']) {
      const args = await registration(cluster, member)
      await refused('ECDSAInvalidSignature', [{ ...args[0], [name]: withAgentV(args[0][name]) }, ...args.slice(1)])
    }
  })
  it('when the root was taken off the list, and not after it is back', async () => {
    const root = addressOfKey(word(1))
    await cluster.dstack.write(OWNER, 'removeAllowedKmsRoot', root)
    await refused('InvalidSigChain', await registration(cluster, member))
    await cluster.dstack.write(OWNER, 'addAllowedKmsRoot', root)
    await cluster.dstack.readFrom(STRANGER, 'dstack_register', ...(await registration(cluster, member)))
  })
})

describe('registration', () => {
  const derived = addressOfKey(DERIVED_KEY)
  let receipt, memberId
  before(async () => {
    memberId = memberIdOf(cluster.address, member.address, DSTACK_ATTESTOR)
    receipt = await register(cluster, member)
  })

  it('emits its three events in order', () => {
    assert.deepEqual(receipt.logs.map((log) => log.topics[0]), [
      EVENTS.MemberRegistered[0], EVENTS.WgKeyPublished[0], EVENTS.DstackMemberRegistered[0],
    ])
    const abi = [...cluster.attest.abi, ...cluster.network.abi, ...cluster.dstack.abi]
    const [added, key, dstack] = parseEventLogs({ abi, logs: receipt.logs }).map((log) => log.args)
    assert.deepEqual(added, {
      memberId, memberContract: member.address, attestorId: DSTACK_ATTESTOR, xPubKey: word(0x11), wgPubKey: word(0x22),
    })
    assert.deepEqual(key, { memberId, wgPubKey: word(0x22) })
    assert.deepEqual(dstack, { memberId, codeId: codeIdOf(member.address), derivedKey: derived })
  })

  it('is visible in every reader', async () => {
    const { timestamp } = await chain.rpc('eth_getBlockByNumber', receipt.blockNumber, false)
    const record = {
      attestorId: DSTACK_ATTESTOR, memberContract: member.address, xPubKey: word(0x11), wgPubKey: word(0x22),
      registeredAt: BigInt(timestamp),
    }
    assert.deepEqual(await cluster.attest.read('memberOf', member.address), record)
    assert.deepEqual(await cluster.attest.read('memberById', memberId), record)
    assert.equal(await cluster.attest.read('memberIdOf', member.address), memberId)
    assert.equal(await cluster.attest.read('isClusterMember', member.address), true)
    assert.equal(await cluster.attest.read('xPubKeyOf', memberId), word(0x11))
    assert.deepEqual(await cluster.attest.read('listMembers'), [memberId])
    assert.equal(await cluster.attest.read('memberCount'), 1n)
    assert.equal(await cluster.network.read('wgPubKeyOf', memberId), word(0x22))
    assert.equal(await member.read('owner'), derived)
  })

  it('leaves all zero for an address that is no member', async () => {
    const none = await cluster.attest.read('memberOf', STRANGER)
    assert.deepEqual(Object.values(none), [word(0), '0x0000000000000000000000000000000000000000', word(0), word(0), 0n])
    assert.equal(await cluster.attest.read('isClusterMember', STRANGER), false)
    assert.equal(await cluster.attest.read('memberIdOf', STRANGER), word(0))
  })

  it('encodes a record to five words with no offset', async () => {
    const data = await chain.rpc('eth_call', { to: cluster.address, data: cluster.attest.data('memberById', memberId) }, 'latest')
    assert.equal(data.length, 2 + 5 * 64)
    assert.equal(data.slice(0, 66), DSTACK_ATTESTOR)
  })

  it('lies in the slots of the page', async () => {
    const S = SLOTS['attestmesh.storage.Member']
    const record = hexToBigInt(mapSlot(memberId, S, 0))
    const words = []
    for (let i = 0n; i < 5n; ++i) words.push(await chain.slot(cluster.address, numberToHex(record + i, { size: 32 })))
    assert.deepEqual(words.slice(0, 4), [DSTACK_ATTESTOR, addressWord(member.address), word(0x11), word(0x22)])
    assert.notEqual(BigInt(words[4]), 0n)
    assert.equal(await chain.slot(cluster.address, mapSlot(addressWord(member.address), S, 1)), memberId)
    assert.equal(await chain.slot(cluster.address, slotAt(S, 2)), word(1))
    assert.equal(await chain.slot(cluster.address, keccak256(slotAt(S, 2))), memberId)
    const N = SLOTS['attestmesh.storage.Network']
    assert.equal(await chain.slot(cluster.address, mapSlot(memberId, N, 0)), word(0x22))
    const M = SLOTS['attestmesh.storage.ClusterMember']
    assert.equal(await chain.slot(member.address, M), addressWord(cluster.address))
    assert.equal(await chain.slot(member.address, slotAt(M, 1)), addressWord(derived))
  })

  it('is refused a second time, with the same or with other keys', async () => {
    await refused('AlreadyRegistered', await registration(cluster, member))
    await refused('AlreadyRegistered', await registration(cluster, member, { xPub: word(0x77), derivedKey: word(7) }))
  })

  it('of a second member appends to the list', async () => {
    await register(cluster, other, { xPub: word(0x33), wgPub: word(0x44), derivedKey: word(4) })
    const second = memberIdOf(cluster.address, other.address, DSTACK_ATTESTOR)
    assert.deepEqual(await cluster.attest.read('listMembers'), [memberId, second])
  })

  it('by a member of another cluster fails at the member, which obeys its own cluster only', async () => {
    const foreign = await deployCluster(suite, word(7))
    const args = await registration(foreign, member)
    await foreign.dstack.reverts(DEPLOYER, 'OnlyCluster', 'dstack_register', ...args)
  })
})

describe('internal selectors', () => {
  it('are the diamond\'s alone', async () => {
    const record = {
      attestorId: DSTACK_ATTESTOR, memberContract: STRANGER, xPubKey: word(1), wgPubKey: word(2), registeredAt: 3n,
    }
    for (const caller of [STRANGER, OWNER, member.address]) {
      await cluster.attest.reverts(caller, 'NotInternalCall', '_addMember', record)
      await cluster.attest.reverts(caller, 'NotInternalCall', '_setWgMirror', word(1), word(2))
      await cluster.network.reverts(caller, 'NotInternalCall', '_setWgPubKey', word(1), word(2))
    }
  })
})

/*  removal.test.mjs -- a removed member leaves a tombstone: nothing is freed, nothing works for it  */
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { concatHex, hexToBigInt, keccak256, numberToHex, padHex, stringToHex } from 'viem'
import { Chain, DEPLOYER, HEIR, OWNER, STRANGER } from '../harness/chain.mjs'
import { COMPOSE, DEVICE, deployCluster, deployMember, deploySuite, register, registration, word } from '../harness/cluster.mjs'
import { DERIVED_KEY, memberIdOf } from '../harness/kms.mjs'
import { CONTRACTS, CUT, DSTACK_ATTESTOR, ERRORS, EVENTS, SLOTS } from '../harness/page.mjs'
import { Operations } from '../harness/userop.mjs'

const ZERO = '0x0000000000000000000000000000000000000000'
const ADD = 0
const REPLACE = 1
const REMOVALS = CONTRACTS.RemovalFacet.map(([selector]) => selector)
const OWNER_COMMAND = '0xf21d2d40'
const cut = (target, action, ...selectors) => ({ target, action, selectors })
const lower = (address) => address.toLowerCase()
const slotAt = (n) => numberToHex(hexToBigInt(SLOTS['attestmesh.storage.Removal']) + BigInt(n), { size: 32 })

let chain, suite, facet
before(async () => {
  chain = await Chain.start()
  suite = await deploySuite(chain)
  facet = await chain.deploy('RemovalFacet')
})
after(() => chain.stop())

/** A cluster with three members; `cuts` are made on top of the factory's. */
let salt = 0x700
async function clusterOfThree(cuts = [cut(facet.address, ADD, ...REMOVALS)]) {
  const cluster = await deployCluster(suite, word(++salt))
  await cluster.diamond.write(OWNER, 'acceptOwnership')
  if (cuts.length) await cluster.diamond.write(OWNER, 'diamondCut', cuts, ZERO, '0x')
  cluster.removal = chain.at('RemovalFacet', cluster.address)
  cluster.members = []
  for (const n of [1, 2, 3]) {
    const member = await deployMember(suite, cluster, word(n))
    await register(cluster, member, { derivedKey: word(0x40 + n) })
    cluster.members.push({ address: member.address, id: memberIdOf(cluster.address, member.address, DSTACK_ATTESTOR) })
  }
  return cluster
}
const boot = (appId) => ({
  appId, composeHash: COMPOSE, instanceId: STRANGER, deviceId: DEVICE, mrAggregated: word(1), mrSystem: word(2),
  osImageHash: word(3), tcbStatus: 'UpToDate', advisories: [],
})

/** What v1's nodes read of a cluster, and what may therefore not change. */
async function v1View({ attest, network, members }) {
  const of = async ({ address, id }) => [
    await attest.read('memberIdOf', address), await attest.read('memberOf', address), await attest.read('memberById', id),
    await attest.read('meshIpOf', id), await network.read('wgPubKeyOf', id), await network.read('ed25519KeyOf', id),
  ]
  return [await attest.read('listMembers'), await attest.read('memberCount'), ...(await Promise.all(members.map(of)))]
}

describe('removeMember', () => {
  it('is not there until the facet is cut', async () => {
    const cluster = await clusterOfThree([])
    assert.equal(await cluster.diamond.read('facetAddress', REMOVALS[0]), ZERO)
    const data = cluster.removal.data('removeMember', cluster.members[1].id)
    const revert = await chain.revertData({ from: OWNER, to: cluster.address, data })
    assert.equal(revert, ERRORS.Proxy__ImplementationIsNotContract[0])
  })
  it('is the policy owner\'s alone', async () => {
    const { removal, members: [first, second] } = await clusterOfThree()
    for (const caller of [STRANGER, DEPLOYER, HEIR, first.address, second.address]) {
      await removal.reverts(caller, 'NotClusterOwner', 'removeMember', second.id)
    }
  })
  it('refuses who is no member of this cluster, and who was removed', async () => {
    const other = await clusterOfThree()
    const { removal, members: [, second] } = await clusterOfThree()
    for (const id of [word(0), word(0xbad), other.members[1].id]) {
      await removal.reverts(OWNER, 'MemberUnknown', 'removeMember', id)
    }
    await removal.write(OWNER, 'removeMember', second.id)
    await removal.reverts(OWNER, 'MemberAlreadyRemoved', 'removeMember', second.id)
  })
  it('says so in one event, one word and one list, in its own namespace', async () => {
    const { address, removal, members: [first, second, third] } = await clusterOfThree()
    const { logs, blockNumber } = await removal.write(OWNER, 'removeMember', third.id)
    const { timestamp } = await chain.rpc('eth_getBlockByNumber', blockNumber, false)
    assert.deepEqual(logs.map((log) => [log.topics, log.data]), [[
      [EVENTS.MemberRemoved[0], third.id, padHex(lower(third.address), { size: 32 })], padHex(timestamp, { size: 32 }),
    ]])
    assert.equal(await removal.read('removedAt', third.id), BigInt(timestamp))
    assert.equal(await removal.read('removedAt', first.id), 0n)
    await removal.write(OWNER, 'removeMember', second.id)
    assert.deepEqual(await removal.read('removedMembers'), [third.id, second.id])
    const slot = keccak256(concatHex([third.id, slotAt(0)]))
    assert.equal(await chain.slot(address, slot), padHex(timestamp, { size: 32 }))
    assert.equal(await chain.slot(address, slotAt(1)), word(2))
  })
})

describe('a tombstone', () => {
  it('frees nothing and moves nobody: what v1 reads stays to the byte', async () => {
    const cluster = await clusterOfThree()
    for (const { address } of cluster.members) await cluster.network.write(address, 'publishEd25519Key', word(0x99))
    const was = await v1View(cluster)
    for (const { id } of cluster.members.slice(0, 2)) await cluster.removal.write(OWNER, 'removeMember', id)
    assert.deepEqual(await v1View(cluster), was)
  })
  it('does not let the same contract register again, whatever the keys', async () => {
    const cluster = await clusterOfThree()
    const [, second] = cluster.members
    await cluster.removal.write(OWNER, 'removeMember', second.id)
    for (const keys of [{}, { xPub: word(0x77), wgPub: word(0x78) }]) {
      const args = await registration(cluster, second, keys)
      await cluster.dstack.reverts(DEPLOYER, 'AlreadyRegistered', 'dstack_register', ...args)
    }
    await cluster.dstack.write(OWNER, 'addAllowedAppId', second.address)
    const args = await registration(cluster, second)
    await cluster.dstack.reverts(DEPLOYER, 'AlreadyRegistered', 'dstack_register', ...args)
  })
  it('ends what a member may do, and what may be done for it', async () => {
    const { attest, message, network, removal, members: [first, second] } = await clusterOfThree()
    await removal.write(OWNER, 'removeMember', second.id)
    assert.equal(await attest.read('isClusterMember', second.address), false)
    assert.equal(await attest.read('xPubKeyOf', second.id), word(0))
    await message.reverts(second.address, 'NotClusterMember', 'send', first.id, word(1), '0x01')
    await message.reverts(first.address, 'RecipientNotMember', 'send', second.id, word(1), '0x01')
    await network.reverts(second.address, 'NotClusterMember', 'publishWgKey', word(1))
    await network.reverts(second.address, 'NotClusterMember', 'publishEd25519Key', word(1))
    await message.write(first.address, 'send', first.id, word(2), '0x01')
    assert.equal(await attest.read('isClusterMember', first.address), true)
    assert.equal(await attest.read('xPubKeyOf', first.id), word(0x11))
  })
  it('of the originator leaves the commitment to nobody', async () => {
    const { attest, removal, members } = await clusterOfThree()
    await removal.write(OWNER, 'removeMember', members[0].id)
    for (const { address } of members) await attest.reverts(address, 'NotOriginator', 'setCskCommitment', word(7))
  })
  it('closes the boot gate, even where the owner\'s list still names the app id', async () => {
    const { dstack, removal, members: [first, second] } = await clusterOfThree()
    await dstack.write(OWNER, 'addAllowedAppId', second.address)
    assert.deepEqual(await dstack.read('isAppAllowed', boot(second.address)), [true, ''])
    await removal.write(OWNER, 'removeMember', second.id)
    assert.deepEqual(await dstack.read('isAppAllowed', boot(second.address)), [false, 'appId not allowlisted'])
    assert.deepEqual(await dstack.read('isAppAllowed', boot(first.address)), [true, ''])
  })
})

describe('owner commands', () => {
  const withCommands = () => clusterOfThree([
    cut(facet.address, ADD, ...REMOVALS), cut(suite.message.address, ADD, OWNER_COMMAND),
  ])
  const sender = keccak256(concatHex([stringToHex('attestmesh.cluster-owner.v1'), OWNER]))

  it('are the policy owner\'s alone', async () => {
    const { message, members: [first, second] } = await withCommands()
    for (const caller of [STRANGER, DEPLOYER, first.address]) {
      await message.reverts(caller, 'NotClusterOwner', 'sendOwnerCommand', second.id, word(1), '0x01')
    }
  })
  it('carry a sender that is no member, and spend the same envelope ids', async () => {
    const { attest, message, members: [first, second] } = await withCommands()
    const { logs } = await message.write(OWNER, 'sendOwnerCommand', second.id, word(1), '0x01')
    assert.deepEqual(logs.map((log) => log.topics), [[EVENTS.MessageSent[0], sender, second.id, word(1)]])
    assert.equal((await attest.read('memberById', sender)).registeredAt, 0n)
    await message.reverts(OWNER, 'DuplicateEnvelope', 'sendOwnerCommand', second.id, word(1), '0x02')
    await message.reverts(first.address, 'DuplicateEnvelope', 'send', second.id, word(1), '0x02')
  })
  it('go to members only, and to none that was removed', async () => {
    const { message, removal, members: [, second] } = await withCommands()
    await message.reverts(OWNER, 'RecipientNotMember', 'sendOwnerCommand', word(0xbad), word(1), '0x01')
    await removal.write(OWNER, 'removeMember', second.id)
    await message.reverts(OWNER, 'RecipientNotMember', 'sendOwnerCommand', second.id, word(1), '0x01')
  })
})

describe('a running cluster', () => {
  it('takes tombstones and what honours them in one cut', async () => {
    const cluster = await clusterOfThree([])
    const fresh = {}
    for (const name of ['AttestFacet', 'MessageFacet', 'NetworkFacet', 'DstackFacet']) fresh[name] = await chain.deploy(name)
    const named = (name, ...functions) => CUT[name]
      .filter(([, signature]) => functions.includes(signature.split('(')[0])).map(([selector]) => selector)
    const replace = (name, ...functions) => cut(fresh[name].address, REPLACE, ...named(name, ...functions))
    const was = await v1View(cluster)
    await cluster.diamond.write(OWNER, 'diamondCut', [
      cut(facet.address, ADD, ...REMOVALS),
      replace('AttestFacet', 'isClusterMember', 'xPubKeyOf', 'setCskCommitment'),
      replace('MessageFacet', 'send'),
      replace('NetworkFacet', 'publishWgKey', 'publishEd25519Key'),
      replace('DstackFacet', 'isAppAllowed'),
    ], ZERO, '0x')
    assert.deepEqual(await v1View(cluster), was)
    assert.deepEqual(await cluster.removal.read('removedMembers'), [])
    await cluster.removal.write(OWNER, 'removeMember', cluster.members[2].id)
    assert.equal(await cluster.attest.read('isClusterMember', cluster.members[2].address), false)
  })
})

describe('two clusters', () => {
  it('do not know each other\'s members', async () => {
    const a = await clusterOfThree()
    const b = await clusterOfThree()
    const { address } = a.members[0]
    await b.message.reverts(address, 'NotClusterMember', 'send', b.members[0].id, word(1), '0x01')
    await a.message.reverts(address, 'RecipientNotMember', 'send', b.members[0].id, word(1), '0x01')
    await b.network.reverts(address, 'NotClusterMember', 'publishWgKey', word(1))
    await b.network.reverts(address, 'NotClusterMember', 'publishEd25519Key', word(1))
    await b.attest.reverts(address, 'NotOriginator', 'setCskCommitment', word(1))
    await b.attest.reverts(address, 'NotInternalCall', '_setWgMirror', b.members[0].id, word(1))
  })
  it('do not take each other\'s proofs', async () => {
    const a = await deployCluster(suite, word(++salt))
    const b = await deployCluster(suite, word(++salt))
    const member = await deployMember(suite, a, word(1))
    const proof = await registration(a, member)
    await b.dstack.reverts(DEPLOYER, 'BindingMismatch', 'dstack_register', ...proof)
    const forB = await registration(b, member)
    await b.dstack.reverts(DEPLOYER, 'OnlyCluster', 'dstack_register', ...forB)
  })
  it('do not take a proof twice', async () => {
    const cluster = await deployCluster(suite, word(++salt))
    const args = await registration(cluster, await deployMember(suite, cluster, word(1)))
    await cluster.dstack.write(DEPLOYER, 'dstack_register', ...args)
    await cluster.dstack.reverts(DEPLOYER, 'AlreadyRegistered', 'dstack_register', ...args)
  })
  it('do not take an operation twice', async () => {
    const cluster = await deployCluster(suite, word(++salt))
    const member = await deployMember(suite, cluster, word(1))
    await register(cluster, member)
    const ops = new Operations(chain)
    await ops.fund(member.address)
    const inner = cluster.network.data('publishEd25519Key', word(0x51))
    const built = await ops.build(member.address, member.data('execute', cluster.address, 0n, inner), DERIVED_KEY)
    assert.equal((await ops.include(built)).success, true)
    await cluster.network.write(member.address, 'publishEd25519Key', word(0x52))
    await assert.rejects(ops.include(built))
    assert.equal(await cluster.network.read('ed25519KeyOf', memberIdOf(cluster.address, member.address, DSTACK_ATTESTOR)), word(0x52))
  })
})

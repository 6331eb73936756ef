/*  path-a.test.mjs -- a stock dstack app becomes a member: allowed app ids instead of the factory  */
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { padHex } from 'viem'
import { Chain, DEPLOYER, OWNER, STRANGER } from '../harness/chain.mjs'
import { COMPOSE, DEVICE, deployCluster, deployMember, deploySuite, registration, word } from '../harness/cluster.mjs'
import { addressOfKey, DERIVED_KEY } from '../harness/kms.mjs'
import { IMPLEMENTATION_SLOT, INITIALIZABLE_SLOT } from '../harness/page.mjs'
import { Operations } from '../harness/userop.mjs'

let chain, suite, cluster, stock, app, asMember
before(async () => {
  chain = await Chain.start()
  suite = await deploySuite(chain)
  cluster = await deployCluster(suite)
  stock = await chain.deploy('StockDstackApp')
  const { address } = await chain.deploy('ERC1967Proxy', stock.address, stock.data('initialize', DEPLOYER, word(0x5)))
  app = chain.at('StockDstackApp', address)
  asMember = chain.at('ClusterMember', address)
})
after(() => chain.stop())

const boot = () => ({
  appId: app.address, composeHash: COMPOSE, instanceId: STRANGER, deviceId: DEVICE, mrAggregated: word(1), mrSystem: word(2),
  osImageHash: word(3), tcbStatus: 'UpToDate', advisories: [],
})
const becomeMember = () => suite.implementation.data('reinitializeFromDstackApp', cluster.address)

describe('path A, step by step', () => {
  it('a stock app knows no cluster and is not ours', async () => {
    await assert.rejects(asMember.read('cluster'), { data: '0x' })
    await cluster.dstack.reverts(DEPLOYER, 'NotOurMember', 'dstack_register', ...(await registration(cluster, app)))
    assert.deepEqual(await cluster.dstack.read('isAppAllowed', boot()), [false, 'appId not allowlisted'])
  })

  it('its deployer alone upgrades it, after the cluster\'s owner allowed it', async () => {
    await cluster.dstack.write(OWNER, 'addAllowedAppId', app.address)
    await app.reverts(OWNER, 'NotOwner', 'upgradeToAndCall', suite.implementation.address, becomeMember())
    await app.write(DEPLOYER, 'upgradeToAndCall', suite.implementation.address, becomeMember())
    assert.equal(await asMember.read('cluster'), cluster.address)
    assert.equal(await asMember.read('owner'), '0x0000000000000000000000000000000000000000')
    const slots = [IMPLEMENTATION_SLOT, INITIALIZABLE_SLOT, word(0)].map((slot) => chain.slot(app.address, slot))
    const [implementation, version, stockOwner] = await Promise.all(slots)
    assert.equal(implementation, padHex(suite.implementation.address.toLowerCase(), { size: 32 }))
    assert.equal(BigInt(version), 2n)
    assert.equal(`0x${stockOwner.slice(-40)}`, DEPLOYER.toLowerCase())
  })

  it('then nobody can bind it anew, and its upgrades are the cluster owner\'s', async () => {
    await asMember.reverts(STRANGER, 'InvalidInitialization', 'reinitializeFromDstackApp', STRANGER)
    await asMember.reverts(STRANGER, 'InvalidInitialization', 'initialize', STRANGER)
    await asMember.reverts(DEPLOYER, 'NotClusterOwner', 'upgradeToAndCall', stock.address, '0x')
  })

  it('its boot gate is the cluster\'s before it is a member', async () => {
    assert.deepEqual(await asMember.read('isAppAllowed', boot()), [true, ''])
  })

  it('it registers through the EntryPoint like a minted member', async () => {
    const ops = new Operations(chain)
    await ops.fund(app.address)
    const inner = cluster.dstack.data('dstack_register', ...(await registration(cluster, app)))
    const built = await ops.build(app.address, asMember.data('execute', cluster.address, 0n, inner), DERIVED_KEY)
    assert.equal((await ops.include(built)).success, true)
    assert.equal(await cluster.attest.read('isClusterMember', app.address), true)
    assert.equal(await asMember.read('owner'), addressOfKey(DERIVED_KEY))
    assert.equal(await suite.memberFactory.read('isOurMember', app.address), false)
  })

  it('a member keeps booting after its app id left the list', async () => {
    await cluster.dstack.write(OWNER, 'removeAllowedAppId', app.address)
    assert.deepEqual(await asMember.read('isAppAllowed', boot()), [true, ''])
  })

  it('a minted member cannot be taken this way to another cluster', async () => {
    const minted = await deployMember(suite, cluster, word(1))
    for (const caller of [STRANGER, OWNER, DEPLOYER]) {
      await minted.reverts(caller, 'InvalidInitialization', 'reinitializeFromDstackApp', STRANGER)
      await minted.reverts(caller, 'InvalidInitialization', 'reinitializeFromDstackApp', cluster.address)
    }
  })
})

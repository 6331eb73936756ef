/*  member.test.mjs -- the member account: bootstrap rule, operations, owner, upgrades, forwarding  */
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { concatHex, hashMessage, padHex, slice } from 'viem'
import { getUserOperationHash } from 'viem/account-abstraction'
import { Chain, DEPLOYER, HEIR, isError, OWNER, STRANGER } from '../harness/chain.mjs'
import { COMPOSE, DEVICE, deployCluster, deployMember, deploySuite, register, registration, word } from '../harness/cluster.mjs'
import { addressOfKey, DERIVED_KEY, signRaw, withAgentV, withHighS } from '../harness/kms.mjs'
import { ENTRY_POINT, EVENTS, IMPLEMENTATION_SLOT, INITIALIZABLE_SLOT } from '../harness/page.mjs'
import { Operations } from '../harness/userop.mjs'

const OTHER_KEY = word(9)
let chain, suite, cluster, ops, salt = 0
before(async () => {
  chain = await Chain.start()
  suite = await deploySuite(chain)
  cluster = await deployCluster(suite)
  ops = new Operations(chain)
})
after(() => chain.stop())

async function freshMember() {
  const member = await deployMember(suite, cluster, word(++salt))
  await ops.fund(member.address)
  return member
}
const registerData = (args) => cluster.dstack.data('dstack_register', ...args)
const execute = (member, target, value, inner) => member.data('execute', target, value, inner)
const bootstrap = async (member, change, break_) =>
  execute(member, cluster.address, 0n, registerData(await registration(cluster, member, change, break_)))

describe('a member proxy', () => {
  it('is initialised once, with its cluster, and has no owner', async () => {
    const member = await freshMember()
    assert.equal(await member.read('cluster'), cluster.address)
    assert.equal(await member.read('owner'), '0x0000000000000000000000000000000000000000')
    assert.equal(await member.read('ENTRY_POINT'), ENTRY_POINT)
    assert.equal(await member.read('UPGRADE_INTERFACE_VERSION'), '5.0.0')
    await member.reverts(STRANGER, 'InvalidInitialization', 'initialize', STRANGER)
    const implementation = padHex(suite.implementation.address.toLowerCase(), { size: 32 })
    assert.equal(await chain.slot(member.address, IMPLEMENTATION_SLOT), implementation)
    assert.equal(await chain.slot(member.address, INITIALIZABLE_SLOT), word(1))
    const topics = member.receipt.logs.map((log) => log.topics[0])
    assert.deepEqual(topics, [EVENTS.Upgraded[0], EVENTS.Initialized[0], EVENTS.MemberDeployed[0]])
  })
  it('has an implementation that nobody can initialise', async () => {
    await suite.implementation.reverts(STRANGER, 'InvalidInitialization', 'initialize', STRANGER)
    await suite.implementation.reverts(STRANGER, 'InvalidInitialization', 'reinitializeFromDstackApp', STRANGER)
  })
  it('takes money', async () => {
    const member = await freshMember()
    await chain.transact({ from: STRANGER, to: member.address, value: '0x5' })
    assert.equal(BigInt(await chain.rpc('eth_getBalance', member.address, 'latest')), 5n)
  })
  it('takes its owner from its cluster alone, once', async () => {
    const member = await freshMember()
    await member.reverts(STRANGER, 'OnlyCluster', '__setOwnerFromCluster', STRANGER)
    await member.reverts(OWNER, 'OnlyCluster', '__setOwnerFromCluster', OWNER)
    await member.write(cluster.address, '__setOwnerFromCluster', HEIR)
    assert.equal(await member.read('owner'), HEIR)
    await member.reverts(cluster.address, 'OwnerAlreadySet', '__setOwnerFromCluster', STRANGER)
    await member.reverts(cluster.address, 'OwnerAlreadySet', '__setOwnerFromCluster', HEIR)
    await cluster.dstack.reverts(DEPLOYER, 'OwnerAlreadySet', 'dstack_register', ...(await registration(cluster, member)))
  })
  it('executes and validates for the EntryPoint only', async () => {
    const member = await freshMember()
    const { op, hash } = await ops.build(member.address, '0x', OTHER_KEY)
    for (const caller of [STRANGER, OWNER, cluster.address, addressOfKey(DERIVED_KEY)]) {
      await member.reverts(caller, 'OnlyEntryPoint', 'execute', STRANGER, 0n, '0x')
      await member.reverts(caller, 'OnlyEntryPoint', 'validateUserOp', op, hash, 0n)
    }
  })
})

describe('bootstrap', () => {
  it('registers through the EntryPoint, signed by the derived key', async () => {
    const member = await freshMember()
    const built = await ops.build(member.address, await bootstrap(member), DERIVED_KEY)
    const { success } = await ops.include(built)
    assert.equal(success, true)
    assert.equal(await cluster.attest.read('isClusterMember', member.address), true)
    assert.equal(await member.read('owner'), addressOfKey(DERIVED_KEY))
  })

  it('computes the hash that clients compute', async () => {
    const member = await freshMember()
    const { op, hash } = await ops.build(member.address, await bootstrap(member), DERIVED_KEY)
    const userOperation = {
      sender: op.sender, nonce: op.nonce, callData: op.callData, signature: op.signature,
      verificationGasLimit: 400_000n, callGasLimit: 1_000_000n, preVerificationGas: 60_000n,
      maxPriorityFeePerGas: 1_000_000_000n, maxFeePerGas: 3_000_000_000n,
    }
    const args = { chainId: 31337, entryPointAddress: ENTRY_POINT, entryPointVersion: '0.7', userOperation }
    assert.equal(getUserOperationHash(args), hash)
  })

  it('by another signer is AA24', async () => {
    const member = await freshMember()
    await ops.refused(await ops.build(member.address, await bootstrap(member), OTHER_KEY), 'AA24 signature error')
  })

  it('with the binding signed by another key than the operation is AA24', async () => {
    const member = await freshMember()
    const callData = await bootstrap(member, { derivedKey: OTHER_KEY })
    await ops.refused(await ops.build(member.address, callData, DERIVED_KEY), 'AA24 signature error')
  })

  it('with an attacker\'s own keys passes validation and fails at the cluster', async () => {
    const member = await freshMember()
    const callData = await bootstrap(member, { derivedKey: OTHER_KEY, appKey: word(8), rootKey: word(7) })
    const { success } = await ops.include(await ops.build(member.address, callData, OTHER_KEY))
    assert.equal(success, false)
    assert.equal(await cluster.attest.read('isClusterMember', member.address), false)
    assert.equal(await member.read('owner'), '0x0000000000000000000000000000000000000000')
  })

  it('ignores the proof\'s own message hash and recomputes the binding', async () => {
    const member = await freshMember()
    const lying = await bootstrap(member, { messageHash: word(0x99) })
    await ops.refused(await ops.build(member.address, lying, DERIVED_KEY), 'AA24 signature error')
    const harmless = await bootstrap(member, {}, { messageHash: word(0x99) })
    const { success } = await ops.include(await ops.build(member.address, harmless, DERIVED_KEY))
    assert.equal(success, false)
  })

  it('with a broken signature in the proof reverts with the library\'s error', async () => {
    const member = await freshMember()
    const [{ messageSignature }] = await registration(cluster, member)
    const cases = [
      ['ECDSAInvalidSignature', withAgentV(messageSignature)],
      ['ECDSAInvalidSignatureS', withHighS(messageSignature)],
      ['ECDSAInvalidSignatureLength', '0x'],
    ]
    for (const [inner, broken] of cases) {
      const callData = await bootstrap(member, {}, { messageSignature: broken })
      await ops.refused(await ops.build(member.address, callData, DERIVED_KEY), 'AA23 reverted', inner)
    }
  })

  it('refuses whatever is not the registration of this member at this cluster', async () => {
    const member = await freshMember()
    const another = await freshMember()
    const args = await registration(cluster, member)
    const inner = registerData(args)
    const good = execute(member, cluster.address, 0n, inner)
    const cases = {
      'no call': '0x',
      'shorter than its head': slice(good, 0, 99),
      'another outer function': concatHex(['0xdeadbeef', slice(good, 4)]),
      'another target': execute(member, STRANGER, 0n, inner),
      'money along': execute(member, cluster.address, 1n, inner),
      'empty inner call': execute(member, cluster.address, 0n, '0x'),
      'three inner bytes': execute(member, cluster.address, 0n, slice(inner, 0, 3)),
      'another inner function': execute(member, cluster.address, 0n, concatHex(['0x84076765', slice(inner, 4)])),
      'another member': execute(member, cluster.address, 0n, registerData([args[0], another.address, args[2], args[3]])),
      'target with dirty upper bytes': concatHex([slice(good, 0, 4), '0x01', slice(good, 5)]),
      'outer data offset beyond the end': concatHex([slice(good, 0, 68), word(10_000), slice(good, 100)]),
      'outer data offset near 2^256': concatHex([slice(good, 0, 68), `0x${'ff'.repeat(32)}`, slice(good, 100)]),
      'inner length beyond the end': concatHex([slice(good, 0, 100), word(10_000), slice(good, 132)]),
      'inner cut in its head': execute(member, cluster.address, 0n, slice(inner, 0, 4 + 3 * 32)),
      'proof offset beyond the end': execute(member, cluster.address, 0n, concatHex([slice(inner, 0, 4), word(10_000), slice(inner, 36)])),
      'proof cut in its head': execute(member, cluster.address, 0n, slice(inner, 0, 4 + 4 * 32 + 64)),
      'proof cut in its signature': execute(member, cluster.address, 0n, slice(inner, 0, 4 + 4 * 32 + 8 * 32 + 32 + 64)),
    }
    for (const [what, callData] of Object.entries(cases)) {
      assert.notEqual(callData, good, what)
      const built = await ops.build(member.address, callData, DERIVED_KEY)
      const caught = await ops.refused(built, 'AA23 reverted', 'InvalidBootstrapCall').catch((e) => e)
      assert.equal(caught, undefined, `${what}: ${caught?.message}`)
    }
  })

  it('does not look at the call where the operation\'s signature is no signature', async () => {
    const member = await freshMember()
    const { op, hash } = await ops.build(member.address, '0x', DERIVED_KEY)
    for (const signature of ['0x', slice(op.signature, 0, 64), withAgentV(op.signature), withHighS(op.signature)]) {
      assert.equal(await member.readFrom(ENTRY_POINT, 'validateUserOp', { ...op, signature }, hash, 0n), 1n)
    }
    await ops.refused({ op: { ...op, signature: withAgentV(op.signature) } }, 'AA24 signature error')
  })
})

describe('an owned account', () => {
  let member
  before(async () => {
    member = await freshMember()
    await register(cluster, member, { xPub: word(0x51) })
  })
  const build = (callData, key = DERIVED_KEY, change = {}) => ops.build(member.address, callData, key, change)

  it('accepts its owner and refuses everybody else', async () => {
    const callData = execute(member, cluster.address, 0n, cluster.network.data('publishEd25519Key', word(0x33)))
    await ops.refused(await build(callData, OTHER_KEY), 'AA24 signature error')
    const { success } = await ops.include(await build(callData))
    assert.equal(success, true)
    const id = await cluster.attest.read('memberIdOf', member.address)
    assert.equal(await cluster.network.read('ed25519KeyOf', id), word(0x33))
  })
  it('wants EIP-191 over the hash, not the bare hash', async () => {
    const built = await build(execute(member, STRANGER, 0n, '0x'), null)
    const bare = await signRaw(built.hash, DERIVED_KEY)
    await ops.refused({ op: { ...built.op, signature: bare } }, 'AA24 signature error')
    const wrapped = await signRaw(hashMessage({ raw: built.hash }), DERIVED_KEY)
    assert.equal(await member.readFrom(ENTRY_POINT, 'validateUserOp', { ...built.op, signature: wrapped }, built.hash, 0n), 0n)
  })
  it('refuses a nonce that was used', async () => {
    const built = await build(execute(member, STRANGER, 0n, '0x'))
    await ops.include(built)
    await ops.refused(built, 'AA25 invalid account nonce')
    await ops.refused(await build(execute(member, STRANGER, 0n, '0x'), DERIVED_KEY, { nonce: 0n }), 'AA25 invalid account nonce')
  })
  it('passes an inner revert on word for word, and the operation counts as failed', async () => {
    const inner = cluster.attest.data('setCskCommitment', word(1))
    const data = await chain.revertData({
      from: ENTRY_POINT, to: member.address, data: execute(member, cluster.address, 0n, inner),
    })
    isError(data, 'NotOriginator')
    const { success } = await ops.include(await build(execute(member, cluster.address, 0n, inner)))
    assert.equal(success, false)
  })
  it('sends money', async () => {
    await chain.rpc('anvil_setBalance', member.address, '0x64')
    const target = '0x00000000000000000000000000000000000000aa'
    await ops.include(await build(execute(member, target, 7n, '0x')))
    assert.equal(BigInt(await chain.rpc('eth_getBalance', target, 'latest')), 7n)
  })
  it('pays what the EntryPoint misses, even where validation failed', async () => {
    await chain.rpc('anvil_setBalance', member.address, '0xde0b6b3a7640000')
    const { op, hash } = await build(execute(member, STRANGER, 0n, '0x'), OTHER_KEY)
    const before_ = await ops.entryPoint.read('balanceOf', member.address)
    await member.write(ENTRY_POINT, 'validateUserOp', op, hash, 1000n)
    assert.equal(await ops.entryPoint.read('balanceOf', member.address), before_ + 1000n)
  })
  it('ignores that it cannot pay', async () => {
    await chain.rpc('anvil_setBalance', member.address, '0x0')
    const { op, hash } = await build(execute(member, STRANGER, 0n, '0x'))
    assert.equal(await member.readFrom(ENTRY_POINT, 'validateUserOp', op, hash, 1000n), 0n)
  })
})

describe('the dstack app', () => {
  const boot = (member, change) => ({
    appId: member.address, composeHash: COMPOSE, instanceId: STRANGER, deviceId: DEVICE, mrAggregated: word(1),
    mrSystem: word(2), osImageHash: word(3), tcbStatus: 'UpToDate', advisories: ['INTEL-SA-00001'], ...change,
  })
  let member
  before(async () => {
    member = await freshMember()
    await register(cluster, member, { xPub: word(0x61) })
  })
  it('asks the cluster whether it may boot', async () => {
    assert.deepEqual(await member.read('isAppAllowed', boot(member)), [true, ''])
    assert.deepEqual(await member.read('isAppAllowed', boot(member, { composeHash: word(9) })), [false, 'compose hash not allowed'])
  })
  it('shows the cluster\'s policy as its own', async () => {
    assert.equal(await member.read('allowedComposeHashes', COMPOSE), true)
    assert.equal(await member.read('allowedComposeHashes', word(9)), false)
    assert.equal(await member.read('allowedDeviceIds', DEVICE), true)
    assert.equal(await member.read('allowAnyDevice'), false)
    assert.equal(await member.read('requireTcbUpToDate'), false)
    assert.equal(await member.read('version'), 1n)
  })
  it('cannot change it, not even for the cluster\'s owner', async () => {
    for (const name of ['addComposeHash', 'removeComposeHash', 'addDevice', 'removeDevice']) {
      await member.reverts(OWNER, 'NotClusterOwner', name, word(1))
    }
    for (const name of ['setAllowAnyDevice', 'setRequireTcbUpToDate']) {
      await member.reverts(OWNER, 'NotClusterOwner', name, true)
    }
  })
  it('changes it where the member itself owns the cluster', async () => {
    const owned = await deployCluster(suite, word(0x50))
    const self = await deployMember(suite, owned, word(0x50))
    await owned.attest.write(OWNER, 'transferClusterOwnership', self.address)
    await owned.attest.write(self.address, 'acceptClusterOwnership')
    await self.write(STRANGER, 'addComposeHash', word(0x77))
    assert.equal(await owned.dstack.read('allowedComposeHashes', word(0x77)), true)
  })
})

describe('an upgrade', () => {
  it('is the cluster owner\'s', async () => {
    const member = await freshMember()
    const next = await chain.deploy('ClusterMember')
    await member.reverts(STRANGER, 'NotClusterOwner', 'upgradeToAndCall', next.address, '0x')
    await member.reverts(ENTRY_POINT, 'NotClusterOwner', 'upgradeToAndCall', next.address, '0x')
    await member.write(OWNER, 'upgradeToAndCall', next.address, '0x')
    assert.equal(await chain.slot(member.address, IMPLEMENTATION_SLOT), padHex(next.address.toLowerCase(), { size: 32 }))
    assert.equal(await member.read('cluster'), cluster.address)
  })
  it('wants a UUPS implementation, through the proxy', async () => {
    const member = await freshMember()
    await member.reverts(OWNER, ['ERC1967InvalidImplementation', cluster.address], 'upgradeToAndCall', cluster.address, '0x')
    await suite.implementation.reverts(OWNER, 'UUPSUnauthorizedCallContext', 'upgradeToAndCall', suite.implementation.address, '0x')
    await member.reverts(OWNER, 'UUPSUnauthorizedCallContext', 'proxiableUUID')
    assert.equal(await suite.implementation.read('proxiableUUID'), IMPLEMENTATION_SLOT)
  })
})

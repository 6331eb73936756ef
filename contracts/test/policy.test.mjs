/*  policy.test.mjs -- the boot gate, the owner's allow-lists and the two owners of a cluster  */
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { concatHex, hexToBigInt, keccak256, numberToHex, padHex } from 'viem'
import { Chain, DEPLOYER, HEIR, OWNER, STRANGER } from '../harness/chain.mjs'
import { CIDR_IP, COMPOSE, DEVICE, deployCluster, deployMember, deploySuite, register, word } from '../harness/cluster.mjs'
import { addressOfKey, ROOT_KEY } from '../harness/kms.mjs'
import { ERRORS, EVENTS, OWNABLE_SLOT, SAFE_OWNABLE_SLOT, SLOTS } from '../harness/page.mjs'

const ZERO = '0x0000000000000000000000000000000000000000'
let chain, suite, salt = 0x100
before(async () => {
  chain = await Chain.start()
  suite = await deploySuite(chain)
})
after(() => chain.stop())

const freshCluster = (change) => deployCluster(suite, word(++salt), change)
const boot = (change) => ({
  appId: HEIR, composeHash: COMPOSE, instanceId: STRANGER, deviceId: DEVICE, mrAggregated: word(1), mrSystem: word(2),
  osImageHash: word(3), tcbStatus: 'UpToDate', advisories: [], ...change,
})

describe('the boot gate', () => {
  const NO_HASH = [false, 'compose hash not allowed']
  const NO_DEVICE = [false, 'device not allowed']
  const NO_APP = [false, 'appId not allowlisted']
  const NO_TCB = [false, 'tcb not up to date']
  const YES = [true, '']

  it('names the first rule that fails', async () => {
    const { dstack } = await freshCluster({ requireTcbUpToDate: true })
    const ask = (change) => dstack.read('isAppAllowed', boot(change))
    const bad = { composeHash: word(9), deviceId: word(9), tcbStatus: 'OutOfDate' }
    assert.deepEqual(await ask(bad), NO_HASH)
    assert.deepEqual(await ask({ ...bad, composeHash: COMPOSE }), NO_DEVICE)
    assert.deepEqual(await ask({ ...bad, composeHash: COMPOSE, deviceId: DEVICE }), NO_APP)
    await dstack.write(OWNER, 'addAllowedAppId', HEIR)
    assert.deepEqual(await ask({ ...bad, composeHash: COMPOSE, deviceId: DEVICE }), NO_TCB)
    assert.deepEqual(await ask(), YES)
  })
  it('takes the TCB status byte for byte, and only where it is required', async () => {
    const { dstack } = await freshCluster()
    await dstack.write(OWNER, 'addAllowedAppId', HEIR)
    const ask = (tcbStatus) => dstack.read('isAppAllowed', boot({ tcbStatus }))
    assert.deepEqual(await ask('Revoked'), YES)
    await dstack.write(OWNER, 'setRequireTcbUpToDate', true)
    for (const text of ['', 'uptodate', 'UpToDate ', 'UpToDat', 'UPTODATE']) assert.deepEqual(await ask(text), NO_TCB, text)
    assert.deepEqual(await ask('UpToDate'), YES)
  })
  it('lets any device pass where the owner says so', async () => {
    const { dstack } = await freshCluster({ initialDeviceIds: [] })
    await dstack.write(OWNER, 'addAllowedAppId', HEIR)
    assert.deepEqual(await dstack.read('isAppAllowed', boot()), NO_DEVICE)
    await dstack.write(OWNER, 'setAllowAnyDevice', true)
    assert.deepEqual(await dstack.read('isAppAllowed', boot()), YES)
  })
  it('lets a registered member reboot after its app id left the list', async () => {
    const cluster = await freshCluster()
    const member = await deployMember(suite, cluster, word(1))
    const ask = () => cluster.dstack.read('isAppAllowed', boot({ appId: member.address }))
    assert.deepEqual(await ask(), NO_APP)
    await register(cluster, member)
    assert.deepEqual(await ask(), YES)
    await cluster.dstack.write(OWNER, 'removeAllowedAppId', member.address)
    assert.deepEqual(await ask(), YES)
  })
  it('does not ask for the KMS root', async () => {
    const { dstack } = await freshCluster()
    await dstack.write(OWNER, 'addAllowedAppId', HEIR)
    await dstack.write(OWNER, 'removeAllowedKmsRoot', addressOfKey(ROOT_KEY))
    assert.deepEqual(await dstack.read('isAppAllowed', boot()), YES)
  })
})

describe('allow-lists', () => {
  const D = SLOTS['attestmesh.storage.Dstack']
  const slotAt = (n) => numberToHex(hexToBigInt(D) + BigInt(n), { size: 32 })
  const mapSlot = (key, n) => keccak256(concatHex([padHex(key.toLowerCase(), { size: 32 }), slotAt(n)]))
  const lists = [
    ['addComposeHash', 'removeComposeHash', 'allowedComposeHashes', word(0x71), 'ComposeHashAdded', 'ComposeHashRemoved', 0],
    ['addDevice', 'removeDevice', 'allowedDeviceIds', word(0x72), 'DeviceAdded', 'DeviceRemoved', 1],
    ['addAllowedKmsRoot', 'removeAllowedKmsRoot', 'allowedKmsRoots', HEIR, 'KmsRootAdded', 'KmsRootRemoved', 2],
    ['addAllowedAppId', 'removeAllowedAppId', 'allowedAppIds', HEIR, 'AppIdAllowed', 'AppIdDisallowed', 4],
  ]
  for (const [add, remove, getter, key, added, removed, slot] of lists) {
    it(`${add} and ${remove} change ${getter}, and emit each time`, async () => {
      const { address, dstack } = await freshCluster()
      const stored = () => chain.slot(address, mapSlot(key, slot))
      for (const [call, event, now] of [[add, added, true], [add, added, true], [remove, removed, false], [remove, removed, false]]) {
        const { logs } = await dstack.write(OWNER, call, key)
        const expected = [EVENTS[event][0], padHex(key.toLowerCase(), { size: 32 })]
        assert.deepEqual(logs.map((log) => log.topics), [expected])
        assert.equal(await dstack.read(getter, key), now)
        assert.equal(await stored(), word(now ? 1 : 0))
      }
      await dstack.reverts(STRANGER, 'NotClusterOwner', add, key)
      await dstack.reverts(DEPLOYER, 'NotClusterOwner', remove, key)
    })
  }
  it('switches are packed into one slot, and emit each time', async () => {
    const { address, dstack } = await freshCluster()
    for (const [call, event, value, packed] of [
      ['setAllowAnyDevice', 'AllowAnyDeviceSet', true, 0x0001],
      ['setRequireTcbUpToDate', 'RequireTcbUpToDateSet', true, 0x0101],
      ['setRequireTcbUpToDate', 'RequireTcbUpToDateSet', true, 0x0101],
      ['setAllowAnyDevice', 'AllowAnyDeviceSet', false, 0x0100],
      ['setRequireTcbUpToDate', 'RequireTcbUpToDateSet', false, 0],
    ]) {
      const { logs } = await dstack.write(OWNER, call, value)
      assert.deepEqual(logs.map((log) => [log.topics[0], log.data]), [[EVENTS[event][0], word(value ? 1 : 0)]])
      assert.equal(await chain.slot(address, slotAt(3)), word(packed))
    }
    await dstack.reverts(STRANGER, 'NotClusterOwner', 'setAllowAnyDevice', true)
    await dstack.reverts(STRANGER, 'NotClusterOwner', 'setRequireTcbUpToDate', true)
  })
  it('start as the init arguments say', async () => {
    const { dstack, attest } = await freshCluster({
      allowAnyDevice: true, requireTcbUpToDate: true, initialComposeHashes: [word(1), word(2)], initialDeviceIds: [word(3), word(4)],
    })
    for (const hash of [word(1), word(2)]) assert.equal(await dstack.read('allowedComposeHashes', hash), true)
    for (const id of [word(3), word(4)]) assert.equal(await dstack.read('allowedDeviceIds', id), true)
    assert.equal(await dstack.read('allowedComposeHashes', COMPOSE), false)
    assert.equal(await dstack.read('allowAnyDevice'), true)
    assert.equal(await dstack.read('requireTcbUpToDate'), true)
    assert.equal(await dstack.read('allowedKmsRoots', addressOfKey(ROOT_KEY)), true)
    assert.equal(await dstack.read('version'), 1n)
    assert.deepEqual(await attest.read('meshCidr'), [CIDR_IP, 16])
    assert.deepEqual(await attest.read('listMembers'), [])
  })
})

describe('owners', () => {
  const S = hexToBigInt(SLOTS['attestmesh.storage.Member'])
  const memberSlot = (address, n) => chain.slot(address, numberToHex(S + BigInt(n), { size: 32 }))
  const own = (address) => padHex(address.toLowerCase(), { size: 32 })

  it('lie in the slots of the page', async () => {
    const { address, attest } = await freshCluster()
    assert.equal(await memberSlot(address, 3), own(OWNER))
    assert.equal(await memberSlot(address, 6), own(suite.memberFactory.address))
    await attest.write(OWNER, 'transferClusterOwnership', HEIR)
    assert.equal(await memberSlot(address, 4), `0x${'00'.repeat(7)}10${CIDR_IP.toString(16).padStart(8, '0')}${HEIR.slice(2).toLowerCase()}`)
    assert.equal(await chain.slot(address, OWNABLE_SLOT), own(suite.clusterFactory.address))
    assert.equal(await chain.slot(address, SAFE_OWNABLE_SLOT), own(OWNER))
  })

  it('of policy moves in two steps', async () => {
    const { attest } = await freshCluster()
    await attest.reverts(STRANGER, 'NotClusterOwner', 'transferClusterOwnership', STRANGER)
    await attest.reverts(ZERO, 'NotClusterOwner', 'transferClusterOwnership', STRANGER)
    const proposed = await attest.write(OWNER, 'transferClusterOwnership', HEIR)
    assert.deepEqual(proposed.logs.map((log) => log.topics), [[EVENTS.ClusterOwnershipTransferProposed[0], own(HEIR)]])
    assert.equal(await attest.read('pendingClusterOwner'), HEIR)
    assert.equal(await attest.read('clusterOwner'), OWNER)
    await attest.reverts(STRANGER, 'NotClusterOwner', 'acceptClusterOwnership')
    await attest.reverts(OWNER, 'NotClusterOwner', 'acceptClusterOwnership')
    const accepted = await attest.write(HEIR, 'acceptClusterOwnership')
    assert.deepEqual(accepted.logs.map((log) => log.topics), [[EVENTS.ClusterOwnershipTransferAccepted[0], own(HEIR)]])
    assert.deepEqual([await attest.read('clusterOwner'), await attest.read('pendingClusterOwner')], [HEIR, ZERO])
    await attest.reverts(HEIR, 'NotClusterOwner', 'acceptClusterOwnership')
    await attest.reverts(OWNER, 'NotClusterOwner', 'transferClusterOwnership', OWNER)
  })

  it('of the cut has to accept after the factory', async () => {
    const { diamond, attest } = await freshCluster()
    assert.equal(await diamond.read('owner'), suite.clusterFactory.address)
    assert.equal(await diamond.read('nomineeOwner'), OWNER)
    assert.equal(await attest.read('clusterOwner'), OWNER)
    await diamond.reverts(OWNER, 'Ownable__NotOwner', 'diamondCut', [], ZERO, '0x')
    await diamond.reverts(STRANGER, 'SafeOwnable__NotNomineeOwner', 'acceptOwnership')
    await diamond.write(OWNER, 'acceptOwnership')
    assert.equal(await diamond.read('owner'), OWNER)
    await diamond.reverts(STRANGER, 'Ownable__NotOwner', 'transferOwnership', STRANGER)
  })

  it('move together, with no event of the library', async () => {
    const { address, diamond, attest } = await freshCluster()
    await attest.reverts(OWNER, 'NotClusterOwner', 'transferBothOwners', HEIR)
    await diamond.write(OWNER, 'acceptOwnership')
    await attest.reverts(STRANGER, 'NotClusterOwner', 'transferBothOwners', HEIR)
    const proposed = await attest.write(OWNER, 'transferBothOwners', HEIR)
    assert.deepEqual(proposed.logs.map((log) => log.topics), [[EVENTS.BothOwnersTransferProposed[0], own(HEIR)]])
    assert.deepEqual([await attest.read('pendingClusterOwner'), await diamond.read('nomineeOwner')], [HEIR, HEIR])
    await attest.reverts(STRANGER, 'NotClusterOwner', 'acceptBothOwners')
    const accepted = await attest.write(HEIR, 'acceptBothOwners')
    assert.deepEqual(accepted.logs.map((log) => log.topics), [[EVENTS.BothOwnersTransferAccepted[0], own(HEIR)]])
    assert.deepEqual([await attest.read('clusterOwner'), await diamond.read('owner')], [HEIR, HEIR])
    assert.deepEqual([await attest.read('pendingClusterOwner'), await diamond.read('nomineeOwner')], [ZERO, ZERO])
    assert.equal(await chain.slot(address, SAFE_OWNABLE_SLOT), word(0))
    await attest.reverts(HEIR, 'NotClusterOwner', 'acceptBothOwners')
  })

  it('together need both nominations', async () => {
    const { diamond, attest } = await freshCluster()
    await diamond.write(OWNER, 'acceptOwnership')
    await attest.write(OWNER, 'transferClusterOwnership', HEIR)
    await attest.reverts(HEIR, 'NotClusterOwner', 'acceptBothOwners')
    await diamond.write(OWNER, 'transferOwnership', STRANGER)
    await attest.reverts(HEIR, 'NotClusterOwner', 'acceptBothOwners')
    await attest.reverts(STRANGER, 'NotClusterOwner', 'acceptBothOwners')
  })
})

describe('the cut', () => {
  const [ADD, REPLACE, REMOVE] = [0, 1, 2]
  let cluster
  before(async () => {
    cluster = await freshCluster()
    await cluster.diamond.write(OWNER, 'acceptOwnership')
  })
  const refused = (error, cuts, target = ZERO, data = '0x') =>
    cluster.diamond.reverts(OWNER, error, 'diamondCut', cuts, target, data)
  const cut = (target, action, ...selectors) => ({ target, action, selectors })

  it('refuses nonsense by name', async () => {
    const [network, send] = [suite.network.address, '0x84076765']
    await refused('DiamondWritable__SelectorNotSpecified', [cut(network, ADD)])
    await refused('DiamondWritable__SelectorAlreadyAdded', [cut(network, ADD, send)])
    await refused('DiamondWritable__SelectorNotFound', [cut(network, REPLACE, '0xdeadbeef')])
    await refused('DiamondWritable__SelectorIsImmutable', [cut(network, REPLACE, '0x1f931c1c')])
    await refused('DiamondWritable__ReplaceTargetIsIdentical', [cut(suite.message.address, REPLACE, send)])
    await refused('DiamondWritable__TargetHasNoCode', [cut(STRANGER, ADD, '0xdeadbeef')])
    await refused('DiamondWritable__RemoveTargetNotZeroAddress', [cut(network, REMOVE, send)])
    await refused('DiamondWritable__InvalidInitializationParameters', [], suite.init.address)
  })
  it('can take the Ed25519 pair away, as on a cluster of v1\'s factory, and put it back', async () => {
    const pair = ['0xcedc29c2', '0x14342a70']
    await cluster.diamond.write(OWNER, 'diamondCut', [cut(ZERO, REMOVE, ...pair)], ZERO, '0x')
    assert.equal(await cluster.diamond.read('facetAddress', pair[1]), ZERO)
    const call = { to: cluster.address, data: cluster.network.data('ed25519KeyOf', word(1)) }
    assert.equal(await chain.revertData(call), ERRORS.Proxy__ImplementationIsNotContract[0])
    await cluster.diamond.write(OWNER, 'diamondCut', [cut(suite.network.address, ADD, ...pair)], ZERO, '0x')
    assert.equal(await cluster.network.read('ed25519KeyOf', word(1)), word(0))
  })
})

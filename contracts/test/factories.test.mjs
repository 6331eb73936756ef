/*  factories.test.mjs -- predicted addresses, the registry and the devnet's batch reader  */
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { concatHex, encodeAbiParameters, encodeFunctionData, getContractAddress, keccak256, padHex, stringToHex } from 'viem'
import { artifact, Chain, DEPLOYER, OWNER, STRANGER } from '../harness/chain.mjs'
import { deployCluster, deployMember, deploySuite, initArgs, word } from '../harness/cluster.mjs'
import { ENTRY_POINT, EVENTS } from '../harness/page.mjs'

let chain, suite
before(async () => {
  chain = await Chain.start()
  suite = await deploySuite(chain)
})
after(() => chain.stop())

describe('the member factory', () => {
  it('deploys where it predicted, by the formula of the page', async () => {
    const cluster = await deployCluster(suite, word(1))
    const predicted = await suite.memberFactory.read('predictMemberAddress', cluster.address, word(5))
    const initData = encodeFunctionData({ abi: suite.implementation.abi, functionName: 'initialize', args: [cluster.address] })
    const args = encodeAbiParameters([{ type: 'address' }, { type: 'bytes' }], [suite.implementation.address, initData])
    const bytecode = concatHex([artifact('ERC1967Proxy').bytecode, args])
    assert.equal(getContractAddress({ opcode: 'CREATE2', from: suite.memberFactory.address, salt: word(5), bytecode }), predicted)
    assert.equal(await suite.memberFactory.read('isOurMember', predicted), false)
    const member = await deployMember(suite, cluster, word(5))
    assert.equal(member.address, predicted)
    assert.equal(await suite.memberFactory.read('isOurMember', predicted), true)
    assert.equal(await suite.memberFactory.read('deployedMembers', predicted), true)
    const minted = member.receipt.logs.at(-1)
    const topics = [predicted, cluster.address].map((a) => padHex(a.toLowerCase(), { size: 32 }))
    assert.deepEqual([minted.topics, minted.data], [[EVENTS.MemberDeployed[0], ...topics], word(5)])
  })
  it('gives another address for another cluster or salt, and none twice', async () => {
    const [a, b] = [await deployCluster(suite, word(2)), await deployCluster(suite, word(3))]
    const predict = (cluster, salt) => suite.memberFactory.read('predictMemberAddress', cluster.address, salt)
    const all = await Promise.all([predict(a, word(1)), predict(a, word(2)), predict(b, word(1))])
    assert.equal(new Set(all).size, 3)
    await deployMember(suite, a, word(1))
    await assert.rejects(suite.memberFactory.read('deployMember', a.address, word(1)), { data: '0x' })
  })
  it('tells its parts', async () => {
    assert.equal(await suite.memberFactory.read('implementation'), suite.implementation.address)
    assert.equal(await suite.memberFactory.read('factoryOwner'), DEPLOYER)
  })
})

describe('the cluster factory', () => {
  it('deploys where it predicted', async () => {
    const predicted = await suite.clusterFactory.read('predictClusterAddress', initArgs(suite), word(10))
    assert.equal(await suite.clusterFactory.read('isDeployedCluster', predicted), false)
    const { address, receipt } = await deployCluster(suite, word(10))
    assert.equal(address, predicted)
    assert.equal(await suite.clusterFactory.read('isDeployedCluster', address), true)
    assert.equal(await suite.clusterFactory.read('deployedClusters', address), true)
    assert.equal(await suite.clusterFactory.read('isDeployedCluster', STRANGER), false)
    const topics = [address, OWNER].map((a) => padHex(a.toLowerCase(), { size: 32 }))
    const made = receipt.logs.at(-1)
    assert.deepEqual([made.topics, made.data], [[EVENTS.ClusterDeployed[0], ...topics], word(10)])
  })
  it('predicts another address for each init argument that changes', async () => {
    const changes = {
      clusterOwner: STRANGER, kmsRootSigner: STRANGER, initialComposeHashes: [], initialDeviceIds: [], allowAnyDevice: true,
      requireTcbUpToDate: true, meshCidrIp: 0x0a0e0000, meshCidrPrefix: 24, memberFactory: STRANGER,
    }
    const predict = (change, salt = word(10)) => suite.clusterFactory.read('predictClusterAddress', initArgs(suite, change), salt)
    const all = [await predict({}), await predict({}, word(11))]
    for (const [name, value] of Object.entries(changes)) all.push(await predict({ [name]: value }))
    assert.equal(new Set(all).size, Object.keys(changes).length + 2)
  })
  it('tells its parts', async () => {
    const parts = {
      factoryOwner: DEPLOYER, diamondInitImpl: suite.init.address, attestFacet: suite.attest.address,
      messageFacet: suite.message.address, networkFacet: suite.network.address, dstackFacet: suite.dstack.address,
    }
    for (const [name, address] of Object.entries(parts)) assert.equal(await suite.clusterFactory.read(name), address, name)
  })
})

describe('the indexer registry', () => {
  const record = { endpoint: 'https://indexer.example:8443', codeId: word(1), pubKey: word(2), updatedAt: 1n }
  it('is its owner\'s, and stamps the chain\'s time', async () => {
    const registry = await chain.deploy('IndexerRegistry', OWNER)
    assert.equal(await registry.read('owner'), OWNER)
    assert.deepEqual(await registry.read('current'), ['', word(0), word(0), 0n])
    await registry.reverts(STRANGER, 'NotOwner', 'setIndexer', record)
    await registry.reverts(DEPLOYER, 'NotOwner', 'setIndexer', record)
    const { logs, blockNumber } = await registry.write(OWNER, 'setIndexer', record)
    const time = BigInt((await chain.rpc('eth_getBlockByNumber', blockNumber, false)).timestamp)
    assert.deepEqual(await registry.read('current'), [record.endpoint, word(1), word(2), time])
    const types = [{ type: 'tuple', components: ['string', 'bytes32', 'bytes32', 'uint64'].map((type) => ({ type })) }]
    const data = encodeAbiParameters(types, [[record.endpoint, word(1), word(2), time]])
    assert.deepEqual(logs.map((log) => [log.topics, log.data]), [[[EVENTS.IndexerUpdated[0]], data]])
  })
})

describe('Multicall3', () => {
  let multicall, cluster
  before(async () => {
    multicall = await chain.deploy('Multicall3')
    cluster = await deployCluster(suite, word(20))
  })
  const call = (target, callData, allowFailure) => ({ target, allowFailure, callData })

  it('answers a batch from one block, failures included', async () => {
    const results = await multicall.read('aggregate3', [
      call(multicall.address, multicall.data('getBlockNumber'), false),
      call(cluster.address, cluster.attest.data('memberCount'), false),
      call(cluster.address, '0xdeadbeef', true),
      call(STRANGER, '0x01', false),
    ])
    assert.deepEqual(results, [
      { success: true, returnData: word(BigInt(await chain.rpc('eth_blockNumber'))) },
      { success: true, returnData: word(0) },
      { success: false, returnData: '0x87c9fc34' },
      { success: true, returnData: '0x' },
    ])
    assert.deepEqual(await multicall.read('aggregate3', []), [])
  })
  it('reverts where a call must not fail', async () => {
    const data = multicall.data('aggregate3', [call(cluster.address, '0xdeadbeef', false)])
    const text = encodeAbiParameters([{ type: 'string' }], ['Multicall3: call failed'])
    assert.equal(await chain.revertData({ to: multicall.address, data }), concatHex(['0x08c379a0', text]))
  })
  it('knows blocks, time, chain and balances', async () => {
    const head = await chain.rpc('eth_getBlockByNumber', 'latest', false)
    const parent = BigInt(head.number) - 1n
    assert.equal(await multicall.read('getLastBlockHash'), head.parentHash)
    assert.equal(await multicall.read('getBlockHash', parent), head.parentHash)
    assert.equal(await multicall.read('getChainId'), 31337n)
    assert.ok((await multicall.read('getCurrentBlockTimestamp')) >= BigInt(head.timestamp))
    assert.equal(await multicall.read('getEthBalance', STRANGER), BigInt(await chain.rpc('eth_getBalance', STRANGER, 'latest')))
  })
})

describe('the EntryPoint', () => {
  it('is the canonical one, so its address in ClusterMember is true', async () => {
    const code = await chain.rpc('eth_getCode', ENTRY_POINT, 'latest')
    assert.equal(keccak256(code), '0x8db5ff695839d655407cc8490bb7a5d82337a86a6b39c3f0258aa6c3b582fc58')
    assert.equal(keccak256(stringToHex('attestmesh.attestor.dstack')), await suite.dstack.read('DSTACK_ATTESTOR_ID'))
  })
})

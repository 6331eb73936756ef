/*  cluster.mjs -- the contracts of one cluster, deployed as `attestmesh deploy` deploys them  */
// SPDX-License-Identifier: Apache-2.0

import { keccak256, numberToHex, parseEventLogs, stringToHex } from 'viem'
import { DEPLOYER, OWNER } from './chain.mjs'
import { addressOfKey, makeProof, ROOT_KEY } from './kms.mjs'

export const COMPOSE = keccak256(stringToHex('compose'))
export const DEVICE = keccak256(stringToHex('device'))
export const CIDR_IP = 168624128 // 10.13.0.0
export const word = (n) => numberToHex(n, { size: 32 })

export async function deploySuite(chain) {
  const suite = { chain }
  suite.implementation = await chain.deploy('ClusterMember')
  suite.memberFactory = await chain.deploy('ClusterMemberFactory', suite.implementation.address, DEPLOYER)
  suite.init = await chain.deploy('DiamondInit')
  suite.attest = await chain.deploy('AttestFacet')
  suite.message = await chain.deploy('MessageFacet')
  suite.network = await chain.deploy('NetworkFacet')
  suite.dstack = await chain.deploy('DstackFacet')
  const parts = [suite.init, suite.attest, suite.message, suite.network, suite.dstack].map((c) => c.address)
  suite.clusterFactory = await chain.deploy('ClusterDiamondFactory', DEPLOYER, ...parts)
  return suite
}

export const initArgs = (suite, change = {}) => ({
  clusterOwner: OWNER,
  kmsRootSigner: addressOfKey(ROOT_KEY),
  initialComposeHashes: [COMPOSE],
  initialDeviceIds: [DEVICE],
  allowAnyDevice: false,
  requireTcbUpToDate: false,
  meshCidrIp: CIDR_IP,
  meshCidrPrefix: 16,
  memberFactory: suite.memberFactory.address,
  ...change,
})

/** A cluster, seen through each facet's ABI. */
export async function deployCluster(suite, salt = word(0), change = {}) {
  const receipt = await suite.clusterFactory.write(DEPLOYER, 'deployCluster', initArgs(suite, change), salt)
  const [{ args }] = parseEventLogs({ abi: suite.clusterFactory.abi, eventName: 'ClusterDeployed', logs: receipt.logs })
  const at = (name) => suite.chain.at(name, args.cluster)
  return {
    address: args.cluster,
    receipt,
    diamond: at('ClusterDiamond'),
    attest: at('AttestFacet'),
    message: at('MessageFacet'),
    network: at('NetworkFacet'),
    dstack: at('DstackFacet'),
  }
}

export async function deployMember(suite, cluster, salt) {
  const receipt = await suite.memberFactory.write(DEPLOYER, 'deployMember', cluster.address, salt)
  const [{ args }] = parseEventLogs({ abi: suite.memberFactory.abi, eventName: 'MemberDeployed', logs: receipt.logs })
  return Object.assign(suite.chain.at('ClusterMember', args.member), { receipt })
}

/** The arguments of dstack_register; `change` goes into the proof, `break_` into the finished proof. */
export async function registration(cluster, member, { xPub = word(0x11), wgPub = word(0x22), ...change } = {}, break_ = {}) {
  const proof = await makeProof({ cluster: cluster.address, member: member.address, xPub, wgPub, ...change })
  return [{ ...proof, ...break_ }, member.address, xPub, wgPub]
}

/** Registers without an operation, as anyone may. */
export async function register(cluster, member, change) {
  const args = await registration(cluster, member, change)
  return cluster.dstack.write(DEPLOYER, 'dstack_register', ...args)
}

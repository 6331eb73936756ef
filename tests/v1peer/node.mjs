// node.mjs -- boot, registration and the reconcile pass of a v1 node
import { zeroAddress } from 'viem'
import { setTimeout as sleep } from 'node:timers/promises'
import { calldata, makeReader, jsonRpc, PUBLISH_ED25519, ZERO32 } from './chain.mjs'
import { deriveKeys, registrationProof } from './keys.mjs'
import { log, reason } from './log.mjs'
import { keepPeerKey, loadState, moveCursor } from './state.mjs'
import { makeSubmitter } from './userop.mjs'
import { dotted, memberId, meshIp } from './wire.mjs'
import { readEndpoints } from './wg.mjs'

// Repeats what v1 repeats at boot; the last failure is thrown.
async function retry(step, attempts, signal, action) {
  const failed = async (e) => {
    log(`${step}-failed`, { left: attempts - 1, reason: reason(e) })
    if (attempts === 1) throw e
    await sleep(10000, undefined, { signal })
    return retry(step, attempts - 1, signal, action)
  }
  return action().catch(failed)
}

// Keys, member, cluster, own address. Sets everything of the node that does not change later.
export async function identify(node, settings, signal) {
  node.keys = await deriveKeys(node.agent)
  node.member = settings.member ?? await node.agent.appId()
  log('identity', { member: node.member, xPub: node.keys.xPub, edPub: node.keys.edPub, wgPub: node.keys.wgPub, owner: node.keys.account.address })
  const rpc = node.rpc = jsonRpc(settings.rpcUrl, 'rpc')
  node.read = makeReader(rpc)
  node.cluster = (await retry('cluster', 90, signal, () => node.read(node.member, 'cluster'))).toLowerCase()
  const chainId = Number(await rpc('eth_chainId', []))
  if (chainId !== settings.chainId) throw new Error(`rpc: expected chain ${settings.chainId} (CHAIN_ID), got ${chainId}`)
  const [cidrIp, prefix] = await node.read(node.cluster, 'meshCidr')
  const id = memberId(node.cluster, node.member)
  Object.assign(node, { id, ip: dotted(meshIp(id, cidrIp, prefix)), prefix, stateDir: settings.stateDir })
  await loadState(node)
  node.submit = makeSubmitter({
    rpc, bundler: jsonRpc(settings.bundlerUrl, 'bundler'), paymaster: settings.paymasterUrl && jsonRpc(settings.paymasterUrl, 'paymaster'),
    read: node.read, account: node.keys.account, member: node.member, chainId, policy: settings.policy,
  })
  log('cluster', { cluster: node.cluster, memberId: node.id, meshIp: node.ip, prefix })
}

// -> whether the node is a member. v1 goes on with health alone when it could not register.
export async function register(node, signal) {
  node.setPhase('registering')
  return retry('registration', 60, signal, async () => {
    const { memberContract } = await node.read(node.cluster, 'memberOf', node.member)
    log('record', { registered: memberContract !== zeroAddress })
    if (memberContract !== zeroAddress) return true
    const proof = await registrationProof(node.keys, node.cluster, node.member)
    await node.submit('dstack_register', node.cluster, calldata('dstack_register', proof, node.member, node.keys.xPub, node.keys.wgPub))
    return true
  }).catch((e) => { if (signal.aborted) throw e; return false })
}

export async function publishEd25519(node, signal) {
  for (let delay = 10000; !signal.aborted; delay = Math.min(delay * 2, 300000)) {
    try {
      if (await node.read(node.cluster, 'facetAddress', PUBLISH_ED25519) === zeroAddress) return log('ed25519-not-on-chain', {})
      const there = await node.read(node.cluster, 'ed25519KeyOf', node.id) === node.keys.edPub
      if (!there) await node.submit('publishEd25519Key', node.cluster, calldata('publishEd25519Key', node.keys.edPub))
      return log('ed25519-published', { before: there })
    } catch (e) {
      log('ed25519-publish-failed', { reason: reason(e) })
    }
    await sleep(delay, undefined, { signal }).catch(() => {})
  }
}

async function configure(node, id, endpoints) {
  node.setPhase('wg-configuring')
  const { memberContract, wgPubKey: wgPub } = await node.read(node.cluster, 'memberById', id)
  const ip = dotted(await node.read(node.cluster, 'meshIpOf', id)), member = memberContract.toLowerCase()
  const peer = { id, member, ip, wgPub, edPub: null, live: false, endpoint: endpoints.get(member) }
  await node.device.setPeer(peer.wgPub, peer.ip, peer.endpoint)
  node.peers.set(id, peer)
  log('peer-joined', { peer: id, member: peer.member, meshIp: peer.ip, endpoint: peer.endpoint ?? null })
  return peer
}

async function reconcile(node, endpointsPath) {
  const head = BigInt(await node.rpc('eth_blockNumber', [])), members = await node.read(node.cluster, 'listMembers')
  node.originator = members[0] ?? null
  if (members.every((id) => id === node.id)) return node.setPhase('waiting-peers')
  const endpoints = await readEndpoints(endpointsPath)
  for (const id of members.filter((m) => m !== node.id)) {
    const peer = node.peers.get(id) ?? await configure(node, id, endpoints)
    if (!peer.endpoint && endpoints.has(peer.member)) {
      peer.endpoint = endpoints.get(peer.member)
      await node.device.setPeer(peer.wgPub, peer.ip, peer.endpoint)
    }
    if (peer.edPub) continue
    // v1 takes every failure here as "no key yet": old clusters revert for want of the selector.
    const onChain = await node.read(node.cluster, 'ed25519KeyOf', id).catch(() => ZERO32)
    const key = onChain !== ZERO32 ? onChain : node.learned.get(id)
    if (!key) continue
    peer.edPub = key
    await keepPeerKey(node, id, key)
    log('peer-key', { peer: id, edPub: key })
  }
  await moveCursor(node, head)
  node.settlePhase()
}

export async function runReconcile(node, signal, { endpoints, reconcileMs }) {
  while (!signal.aborted) {
    await reconcile(node, endpoints).catch((e) => log('reconcile-failed', { reason: reason(e) }))
    await sleep(reconcileMs, undefined, { signal }).catch(() => {})
  }
}

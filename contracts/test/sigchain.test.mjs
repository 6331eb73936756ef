/*  sigchain.test.mjs -- the dstack signature chain: the page's worked proof, and each way to break it  */
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { concatHex, encodeFunctionData, hashMessage, keccak256, numberToHex } from 'viem'
import { artifact, Chain } from '../harness/chain.mjs'
import { word } from '../harness/cluster.mjs'
import { toBare, toCompressed, toUncompressed } from '../harness/curve.mjs'
import {
  addressOfKey, APP_KEY, appDigest, bindHash, DERIVED_KEY, kmsDigest, makeProof, ROOT_KEY, signRaw, withAgentV, withHighS,
} from '../harness/kms.mjs'

// Protocol page, sections 2.3 and 2.4.
const CLUSTER = numberToHex(0x0a, { size: 20 })
const MEMBER = numberToHex(0x0b, { size: 20 })
const X_PUB = `0x${'11'.repeat(32)}`
const WG_PUB = `0x${'22'.repeat(32)}`
const WORKED = {
  root: '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf',
  app: '0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF',
  derived: '0x6813Eb9362372EEF6200f3b1dbC3f819671cBA69',
  bindHash: '0x2de4c55a4fed77e1a8b1423735d699b594f71eca394ed97a14293b0a61b37d84',
  bindDigest: '0xaae970bd94404a8bbf23bd015d4ffdc6dacd9b2ec51f97c95b5fda782ce496c7',
  appDigest: '0x40056784f2805198c5a94eb28b83854c874601493ce4b528617b5e1c39390667',
  kmsDigest: '0x9ea02cd7af9730c9a22b495172dca5bc265750566941a5c1555aa5a539830b62',
  appSignature:
    '0xb5ef87846022141bb1cde36160321d4a452165fae772aedcb25149af208799f409406ccf86061cd22e561bb28be912867e3894bb7e4152d54108cb4f8f0af6a51b',
  kmsSignature:
    '0x70df49cf66df375c1ccbe33c9a0d4ac1a00111f0df580764e8fbb9cb514a90074f40cc902648a9b16d21cf7dcb8a3cd83d0aa6aca627d2956c7ffcf2d41488c81c',
  messageSignature:
    '0x70c61e655cd8b6833a3c9e42e2c387c4aec6087ac9a3850a09d43f4ac8c7e08c5adb0dbacb1b2748e7c2699759f5bd12b4a0eee8c4ea65d03b4f2a7db93603c41b',
  executeHash: '0x6a19476ab6ee441b4190cd46b5e77a33272046e728eef36cf733b7983f054663',
}

let chain, probe, honest
before(async () => {
  chain = await Chain.start()
  probe = await chain.deploy('SigChainProbe', WORKED.root)
  honest = await makeProof({ cluster: CLUSTER, member: MEMBER, xPub: X_PUB, wgPub: WG_PUB })
})
after(() => chain.stop())

const changed = (change) => makeProof({ cluster: CLUSTER, member: MEMBER, xPub: X_PUB, wgPub: WG_PUB, ...change })
const refuses = (error, proof) => probe.reverts(undefined, error, 'verify', proof)

describe('the worked proof', () => {
  it('is what the test keys sign', () => {
    assert.deepEqual([ROOT_KEY, APP_KEY, DERIVED_KEY].map(addressOfKey), [WORKED.root, WORKED.app, WORKED.derived])
    assert.equal(bindHash(CLUSTER, MEMBER, X_PUB, WG_PUB), WORKED.bindHash)
    assert.equal(hashMessage({ raw: WORKED.bindHash }), WORKED.bindDigest)
    assert.equal(appDigest('ethereum', honest.derivedCompressedPubkey), WORKED.appDigest)
    assert.equal(kmsDigest(honest.codeId, honest.appCompressedPubkey), WORKED.kmsDigest)
    for (const name of ['appSignature', 'kmsSignature', 'messageSignature']) assert.equal(honest[name], WORKED[name])
  })

  it('is encoded by our ABI to the bytes of the page', () => {
    const inner = encodeFunctionData({
      abi: artifact('DstackFacet').abi, functionName: 'dstack_register', args: [honest, MEMBER, X_PUB, WG_PUB],
    })
    assert.equal(inner.length / 2 - 1, 1028)
    const execute = encodeFunctionData({
      abi: artifact('ClusterMember').abi, functionName: 'execute', args: [CLUSTER, 0n, inner],
    })
    assert.equal(execute.length / 2 - 1, 1188)
    assert.equal(keccak256(execute), WORKED.executeHash)
  })

  it('is accepted and gives the derived key', async () => {
    assert.equal(await probe.read('verify', honest), WORKED.derived)
    assert.equal(await probe.read('bindHash', CLUSTER, MEMBER, X_PUB, WG_PUB), WORKED.bindHash)
  })
})

describe('a chain is refused', () => {
  it('when code id has more than an address', async () =>
    refuses('InvalidSigChain', await changed({ codeId: `${honest.codeId.slice(0, -1)}1` })))
  it('when its root is not on the list', async () => refuses('InvalidSigChain', await changed({ rootKey: word(9) })))
  it('when the app signature is by another app', async () =>
    refuses('InvalidSigChain', { ...honest, appSignature: await signRaw(WORKED.appDigest, word(9)) }))
  it('when the root vouched for another app key', async () =>
    refuses('InvalidSigChain', { ...honest, appCompressedPubkey: toCompressed(word(9)) }))
  it('when the root vouched for another app id', async () =>
    refuses('InvalidSigChain', { ...honest, kmsSignature: await signRaw(kmsDigest(word(0), honest.appCompressedPubkey), ROOT_KEY) }))
  it('when the message is signed by another key', async () =>
    refuses('InvalidSigChain', { ...honest, messageSignature: await signRaw(WORKED.bindDigest, word(9)) }))
  it('when the message is signed without EIP-191', async () =>
    refuses('InvalidSigChain', { ...honest, messageSignature: await signRaw(WORKED.bindHash, DERIVED_KEY) }))
  it('when the purpose is not the signed one', async () => refuses('InvalidSigChain', { ...honest, purpose: 'app-key' }))
})

describe('a signature is refused', () => {
  for (const name of ['messageSignature', 'appSignature', 'kmsSignature']) {
    it(`${name}: recovery id 0 or 1, as agents deliver it`, () =>
      refuses('ECDSAInvalidSignature', { ...honest, [name]: withAgentV(honest[name]) }))
    it(`${name}: high s`, () => {
      const high = withHighS(honest[name])
      return refuses(['ECDSAInvalidSignatureS', `0x${high.slice(66, 130)}`], { ...honest, [name]: high })
    })
    it(`${name}: empty, 64 and 66 bytes`, async () => {
      await refuses(['ECDSAInvalidSignatureLength', 0n], { ...honest, [name]: '0x' })
      await refuses(['ECDSAInvalidSignatureLength', 64n], { ...honest, [name]: honest[name].slice(0, -2) })
      await refuses(['ECDSAInvalidSignatureLength', 66n], { ...honest, [name]: `${honest[name]}00` })
    })
  }
})

describe('public keys', () => {
  it('give one address in all three lengths', async () => {
    for (let n = 1; n <= 8; ++n) {
      for (const form of [toCompressed, toBare, toUncompressed]) {
        assert.equal(await probe.read('addressOf', form(word(n))), addressOfKey(word(n)))
      }
    }
  })
  it('of 33 bytes are told apart by the parity of the first byte alone', async () => {
    const key = toCompressed(word(5))
    const odd = parseInt(key.slice(2, 4), 16) & 1
    assert.equal(await probe.read('addressOf', `0xf${odd}${key.slice(4)}`), addressOfKey(word(5)))
    assert.notEqual(await probe.read('addressOf', `0x0${3 - odd}${key.slice(4)}`), addressOfKey(word(5)))
  })
  it('of another length are refused', async () => {
    for (const length of [0, 1, 32, 34, 63, 66]) {
      await probe.reverts(undefined, 'InvalidPubKeyLength', 'addressOf', `0x${'02'.repeat(length)}`)
    }
  })
  it('off the curve are refused', async () => {
    const P = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2fn
    await probe.reverts(undefined, 'PointNotOnCurve', 'addressOf', concatHex(['0x02', word(5)]))
    await probe.reverts(undefined, 'PointNotOnCurve', 'addressOf', concatHex(['0x02', numberToHex(P + 1n)]))
    await probe.reverts(undefined, 'PointNotOnCurve', 'addressOf', concatHex([word(1), word(1)]))
  })
  it('in longer forms make a valid chain too', async () => {
    const proof = await changed({ derivedPubkey: toUncompressed(DERIVED_KEY), appPubkey: toBare(APP_KEY) })
    assert.equal(await probe.read('verify', proof), WORKED.derived)
  })
  it('of a wrong form break the chain by their own error', async () => {
    await refuses('InvalidPubKeyLength', await changed({ derivedPubkey: '0x02' }))
    await refuses('PointNotOnCurve', await changed({ derivedPubkey: concatHex(['0x02', word(5)]) }))
  })
})

/*  interface.test.mjs -- selectors, topics, errors and base slots are the protocol page's  */
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { hexToBigInt, keccak256, numberToHex, stringToHex, toEventSelector, toFunctionSelector } from 'viem'
import { artifact, Chain } from '../harness/chain.mjs'
import { deployCluster, deploySuite } from '../harness/cluster.mjs'
import { CONTRACTS, CUT, DIAMOND, ERRORS, EVENTS, SLOTS, UNCUT } from '../harness/page.mjs'

/** Canonical type of an ABI parameter. */
function typeOf({ type, components }) {
  return components ? type.replace('tuple', `(${components.map(typeOf).join(',')})`) : type
}
const signatureOf = ({ name, inputs }) => `${name}(${inputs.map(typeOf).join(',')})`
const returnsOf = ({ outputs }) => outputs.map(typeOf).join(',')

const functionsOf = (abi) => abi.filter(({ type }) => type === 'function')
const VIEWS = ['view', 'pure']

function hasExactly(name, expected) {
  const functions = functionsOf(artifact(name).abi)
  const got = functions.map((f) => [toFunctionSelector(signatureOf(f)), signatureOf(f), returnsOf(f)].join(' '))
  assert.deepEqual(got.sort(), expected.map((e) => e.join(' ')).sort())
  const writes = functions.filter((f) => !VIEWS.includes(f.stateMutability)).map((f) => f.name)
  for (const getter of functions.filter((f) => /^(is|member|allowed|predict|.*Of$|mesh|list)/.test(f.name))) {
    assert.ok(!writes.includes(getter.name), `${getter.name} is a view`)
  }
}

describe('functions', () => {
  for (const [name, list] of Object.entries(CUT)) {
    it(`${name} has the page's, and no others`, () => hasExactly(name, [...list, ...(UNCUT[name] ?? [])]))
  }
  for (const [name, list] of Object.entries(CONTRACTS)) {
    it(`${name} has the page's, and no others`, () => hasExactly(name, list))
  }
  it('ClusterDiamond has the page\'s, and no others', () => hasExactly('ClusterDiamond', DIAMOND))
  it('Multicall3 answers the well-known selector', () => {
    const aggregate3 = functionsOf(artifact('Multicall3').abi).find((f) => f.name === 'aggregate3')
    assert.equal(signatureOf(aggregate3), 'aggregate3((address,bool,bytes)[])')
    assert.equal(toFunctionSelector(signatureOf(aggregate3)), '0x82ad56cb')
    assert.equal(returnsOf(aggregate3), '(bool,bytes)[]')
  })
})

describe('events', () => {
  for (const [name, [topic, types, indexed, contract]] of Object.entries(EVENTS)) {
    it(`${name} has its topic and its ${indexed} indexed arguments`, () => {
      const event = artifact(contract).abi.find((item) => item.type === 'event' && item.name === name)
      assert.equal(signatureOf(event), `${name}(${types})`)
      assert.equal(toEventSelector(signatureOf(event)), topic)
      assert.deepEqual(event.inputs.map((i) => i.indexed), event.inputs.map((_, i) => i < indexed))
    })
  }
})

describe('errors', () => {
  for (const [name, [selector, types, contracts]] of Object.entries(ERRORS)) {
    it(`${name} is ${selector}`, () => {
      assert.equal(toFunctionSelector(`${name}(${types})`), selector)
      for (const contract of contracts) {
        const error = artifact(contract).abi.find((item) => item.type === 'error' && item.name === name)
        assert.ok(error, `${contract} declares ${name}`)
        assert.equal(signatureOf(error), `${name}(${types})`)
      }
    })
  }
})

describe('storage', () => {
  for (const [id, slot] of Object.entries(SLOTS)) {
    it(`${id} starts where ERC-7201 says`, () => {
      const inner = numberToHex(hexToBigInt(keccak256(stringToHex(id))) - 1n, { size: 32 })
      assert.equal(`${keccak256(inner).slice(0, -2)}00`, slot)
    })
  }
})

describe('a fresh cluster', () => {
  let chain, suite, cluster
  before(async () => {
    chain = await Chain.start()
    suite = await deploySuite(chain)
    cluster = await deployCluster(suite)
  })
  after(() => chain.stop())

  it('carries five facets with the selectors of the page, in the order of the cut', async () => {
    const facets = await cluster.diamond.read('facets')
    const expected = [
      [cluster.address, null],
      [suite.attest.address, CUT.AttestFacet],
      [suite.message.address, CUT.MessageFacet],
      [suite.network.address, CUT.NetworkFacet],
      [suite.dstack.address, CUT.DstackFacet],
    ]
    assert.deepEqual(facets.map((f) => f.target.toLowerCase()), expected.map(([a]) => a.toLowerCase()))
    assert.deepEqual([...facets[0].selectors].sort(), DIAMOND.map(([s]) => s).sort())
    for (const [i, [, list]] of expected.entries()) {
      if (list) assert.deepEqual(facets[i].selectors, list.map(([s]) => s))
    }
  })

  it('supports the five interfaces of the page and not IAppAuth', async () => {
    for (const id of ['0x01ffc9a7', '0x1f931c1c', '0x48e2b093', '0x7f5828d0', '0xbd02b73c']) {
      assert.equal(await cluster.diamond.read('supportsInterface', id), true, id)
    }
    assert.equal(await cluster.diamond.read('supportsInterface', '0x1e079198'), false)
  })

  it('answers an unknown selector with the proxy\'s error', async () => {
    const data = await chain.revertData({ to: cluster.address, data: '0xdeadbeef' })
    assert.equal(data, ERRORS.Proxy__ImplementationIsNotContract[0])
  })

  it('emits the cut in its constructor, and nothing for the initial policy', () => {
    const own = cluster.receipt.logs.filter((log) => log.address.toLowerCase() === cluster.address.toLowerCase())
    assert.deepEqual(own.map((log) => log.topics[0]), [
      EVENTS.DiamondCut[0], EVENTS.OwnershipTransferred[0], EVENTS.DiamondCut[0],
    ])
  })
})

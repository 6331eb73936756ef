/*  chain.mjs -- an anvil of its own for each test file, and plain JSON-RPC to it  */
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { concatHex, decodeAbiParameters, decodeFunctionResult, encodeDeployData, encodeFunctionData, getAddress } from 'viem'
import { ENTRY_POINT, ERRORS } from './page.mjs'

export const ROOT = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const ANVIL = path.join(ROOT, 'node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil')
const CREATE2_PROXY = '0x4e59b44847b379578588920cA78FbF26c0B4956C'
const ENTRY_POINT_SALT = '0x90d8084deab30c2a37c45e8d47f49f2f7965183cb6990a98943ef94940681de3'

export const artifact = (name) => JSON.parse(fs.readFileSync(path.join(ROOT, `artifacts/${name}.json`), 'utf8'))
export const EntryPoint = createRequire(import.meta.url)('@account-abstraction/contracts/artifacts/EntryPoint.json')

/** anvil's unlocked accounts. */
export const [DEPLOYER, OWNER, STRANGER, HEIR, BUNDLER] = [
  '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
  '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
  '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC',
  '0x90F79bf6EB2c4f870365E785982E1f101E93b906',
  '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65',
]

/** Started through setpriv, so that a killed test run takes its chain with it. */
function spawnAnvil() {
  const args = ['--pdeathsig', 'KILL', ANVIL, '--hardfork', 'cancun', '--slots-in-an-epoch', '1']
  const child = spawn('setpriv', [...args, '--host', '127.0.0.1', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve, reject) => {
    let seen = ''
    child.once('error', reject)
    child.once('exit', (code, signal) => reject(new Error(`anvil: expected it to listen, got exit ${code ?? signal}: ${seen}`)))
    child.stdout.on('data', (chunk) => {
      if (seen === null) return
      seen += chunk
      const found = seen.match(/Listening on (127\.0\.0\.1:\d+)/)
      if (!found) return
      seen = null
      resolve({ child, url: `http://${found[1]}` })
    })
  })
}

export class Chain {
  static async start() {
    const { child, url } = await spawnAnvil()
    const chain = new Chain()
    Object.assign(chain, { child, url, id: 0 })
    process.once('exit', () => child.kill('SIGKILL'))
    await chain.transact({ from: DEPLOYER, to: CREATE2_PROXY, data: concatHex([ENTRY_POINT_SALT, EntryPoint.bytecode]) })
    assert.notEqual(await chain.rpc('eth_getCode', ENTRY_POINT, 'latest'), '0x')
    return chain
  }

  async stop() {
    const gone = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.kill('SIGKILL')
    await gone
  }

  async rpc(method, ...params) {
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++this.id, method, params })
    const response = await fetch(this.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
    const { result, error } = await response.json()
    if (error) throw Object.assign(new Error(`${method}: ${error.message}`), { data: error.data })
    return result
  }

  /** Sends from an unlocked account (any account: it is impersonated) and returns the receipt. */
  async transact(tx) {
    await this.rpc('anvil_impersonateAccount', tx.from)
    if (BigInt(await this.rpc('eth_getBalance', tx.from, 'latest')) < 10n ** 18n) {
      await this.rpc('anvil_setBalance', tx.from, '0x8ac7230489e80000')
    }
    const hash = await this.rpc('eth_sendTransaction', tx)
    for (let i = 0; i < 500; ++i) {
      const receipt = await this.rpc('eth_getTransactionReceipt', hash)
      if (receipt) {
        assert.equal(receipt.status, '0x1', `${hash} reverted`)
        return receipt
      }
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    throw new Error(`${hash}: expected a receipt within 5 s, got none`)
  }

  async deploy(name, ...args) {
    const { abi, bytecode } = artifact(name)
    const receipt = await this.transact({ from: DEPLOYER, data: encodeDeployData({ abi, bytecode, args }) })
    return this.at(name, getAddress(receipt.contractAddress), receipt)
  }

  /** A contract: `read` calls, `write` transacts, `reverts` expects the named error and no other. */
  at(name, address, receipt) {
    const abi = name === 'EntryPoint' ? EntryPoint.abi : artifact(name).abi
    return new Contract(this, abi, address, receipt)
  }

  slot(address, slot) {
    return this.rpc('eth_getStorageAt', address, slot, 'latest')
  }

  /** Revert data of a call that has to revert. */
  async revertData(tx) {
    let answer
    try {
      answer = await this.rpc('eth_call', tx, 'latest')
    } catch (e) {
      if (e.data === undefined) throw e
      return e.data
    }
    return assert.fail(`expected a revert, got ${answer}`)
  }
}

class Contract {
  constructor(chain, abi, address, receipt) {
    Object.assign(this, { chain, abi, address, receipt })
  }

  data(functionName, ...args) {
    return encodeFunctionData({ abi: this.abi, functionName, args })
  }

  async read(functionName, ...args) {
    return this.readFrom(STRANGER, functionName, ...args)
  }

  async readFrom(from, functionName, ...args) {
    const tx = { from, to: this.address, data: this.data(functionName, ...args) }
    return decodeFunctionResult({ abi: this.abi, functionName, data: await this.chain.rpc('eth_call', tx, 'latest') })
  }

  write(from, functionName, ...args) {
    return this.chain.transact({ from, to: this.address, data: this.data(functionName, ...args) })
  }

  async reverts(from, error, functionName, ...args) {
    const data = await this.chain.revertData({ from, to: this.address, data: this.data(functionName, ...args) })
    isError(data, error)
    return data
  }
}

/** Revert data against the page's selector. An error given as [name, ...args] has its arguments compared. */
export function isError(data, error) {
  const [name, ...args] = Array.isArray(error) ? error : [error]
  const [selector, types] = ERRORS[name]
  assert.equal(data.slice(0, 10), selector, `expected ${name}, got ${data}`)
  const inputs = types === '' ? [] : types.split(',').map((type) => ({ type }))
  const got = decodeAbiParameters(inputs, `0x${data.slice(10)}`)
  if (inputs.length && args.length) assert.deepEqual(got, args)
}

/** Panic(uint256) of the Solidity runtime. */
export function isPanic(data, code) {
  assert.equal(data.slice(0, 10), '0x4e487b71', `expected Panic, got ${data}`)
  assert.equal(BigInt(`0x${data.slice(10)}`), BigInt(code))
}

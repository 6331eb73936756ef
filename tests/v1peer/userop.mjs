// userop.mjs -- sponsored user operations of the member account on EntryPoint v0.7 (ERC-4337, ERC-7677)
import { setTimeout as sleep } from 'node:timers/promises'
import { toHex } from 'viem'
import { getUserOperationHash } from 'viem/account-abstraction'
import { calldata, ENTRY_POINT } from './chain.mjs'
import { log } from './log.mjs'

// Recoverable and low-s, so that simulations come past the account's ECDSA.
const DUMMY = '0x6f79009346b958973a8481f680a44b5075d56562b39aff2104395323b6bc666a2302f4e19a7da13bef02c866971d5b35ce8c0ad27542a1c476e103b99a7b6cd61b'
const GAS = ['callGasLimit', 'verificationGasLimit', 'preVerificationGas', 'paymasterVerificationGasLimit', 'paymasterPostOpGasLimit']

const json = (op) => Object.fromEntries(Object.entries(op).filter(([, v]) => v !== undefined).map(([k, v]) => [k, typeof v === 'bigint' ? toHex(v) : v]))
const bigs = (from, names) => Object.fromEntries(names.filter((n) => from[n] !== undefined).map((n) => [n, BigInt(from[n])]))

export const userOpHash = (op, chainId) =>
  getUserOperationHash({ userOperation: op, chainId, entryPointAddress: ENTRY_POINT, entryPointVersion: '0.7' })

export const signUserOp = (account, op, chainId) => account.signMessage({ message: { raw: userOpHash(op, chainId) } })

// submit(label, cluster, inner) ends with inclusion; one at a time, because the nonce is read per submit.
export function makeSubmitter({ rpc, bundler, paymaster, read, account, member, chainId, policy }) {
  const context = policy ? { policyId: policy } : {}
  const sponsor = (method, op) => paymaster(method, [json(op), ENTRY_POINT, toHex(chainId), context])

  async function submitOne(label, cluster, inner) {
    const nonce = await read(ENTRY_POINT, 'getNonce', member, 0n)
    const { baseFeePerGas } = await rpc('eth_getBlockByNumber', ['latest', false])
    const tip = BigInt(await rpc('eth_maxPriorityFeePerGas', []))
    let op = {
      sender: member, nonce, callData: calldata('execute', cluster, 0n, inner), maxFeePerGas: 2n * BigInt(baseFeePerGas) + tip,
      maxPriorityFeePerGas: tip, callGasLimit: 0n, verificationGasLimit: 0n, preVerificationGas: 0n, signature: DUMMY,
    }
    let final = true
    if (paymaster) {
      const stub = await sponsor('pm_getPaymasterStubData', op)
      final = stub.isFinal === true
      op = { ...op, paymaster: stub.paymaster, paymasterData: stub.paymasterData, paymasterVerificationGasLimit: 200000n, paymasterPostOpGasLimit: 1n, ...bigs(stub, GAS) }
    }
    const fixed = bigs(op, final ? GAS.slice(3) : [])
    op = { ...op, ...bigs(await bundler('eth_estimateUserOperationGas', [json(op), ENTRY_POINT]), GAS), ...fixed }
    if (!final) {
      const data = await sponsor('pm_getPaymasterData', op)
      op = { ...op, paymaster: data.paymaster, paymasterData: data.paymasterData, ...bigs(data, GAS.slice(3)) }
    }
    op.signature = await signUserOp(account, op, chainId)
    const hash = await bundler('eth_sendUserOperation', [json(op), ENTRY_POINT])
    if (hash !== userOpHash(op, chainId)) throw new Error('bundler: expected the hash that was signed, got another one')
    log('operation-sent', { label, hash, nonce: nonce.toString() })
    let receipt
    for (let i = 0; i < 120 && !(receipt = await bundler('eth_getUserOperationReceipt', [hash])); i++) await sleep(500)
    if (!receipt) throw new Error(`operation ${label}: expected inclusion, got not included within 60s`)
    log('operation-included', { label, hash, tx: receipt.receipt.transactionHash, success: receipt.success, gas: Number(receipt.actualGasUsed) })
    if (receipt.success !== true) throw new Error(`operation ${label}: expected success, got an inner revert`)
  }

  let last = Promise.resolve()
  return (label, cluster, inner) => {
    last = last.catch(() => {}).then(() => submitOne(label, cluster, inner))
    return last
  }
}

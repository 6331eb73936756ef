/*  userop.mjs -- user operations straight through the real EntryPoint, with no bundler between  */
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { concatHex, decodeErrorResult, numberToHex, parseEventLogs } from 'viem'
import { signMessage } from 'viem/accounts'
import { BUNDLER, EntryPoint } from './chain.mjs'
import { ENTRY_POINT, ERRORS } from './page.mjs'

const pair = (high, low) => concatHex([numberToHex(high, { size: 16 }), numberToHex(low, { size: 16 })])

export class Operations {
  constructor(chain) {
    this.chain = chain
    this.entryPoint = chain.at('EntryPoint', ENTRY_POINT)
  }

  /** Money for gas in the EntryPoint, on the sender's account. */
  fund(sender) {
    const data = this.entryPoint.data('depositTo', sender)
    return this.chain.transact({ from: BUNDLER, to: ENTRY_POINT, data, value: '0xde0b6b3a7640000' })
  }

  /** Signed by `key` over EIP-191 of the hash that the EntryPoint itself computes. */
  async build(sender, callData, key, change = {}) {
    const op = {
      sender,
      nonce: await this.entryPoint.read('getNonce', sender, 0n),
      initCode: '0x',
      callData,
      accountGasLimits: pair(400_000, 1_000_000),
      preVerificationGas: 60_000n,
      gasFees: pair(1_000_000_000, 3_000_000_000),
      paymasterAndData: '0x',
      signature: '0x',
      ...change,
    }
    const hash = await this.entryPoint.read('getUserOpHash', op)
    if (key) op.signature = await signMessage({ message: { raw: hash }, privateKey: key })
    return { op, hash }
  }

  /** Includes the operation; `success` is the inner call's, which the transaction's status does not tell. */
  async include({ op, hash }) {
    const receipt = await this.entryPoint.write(BUNDLER, 'handleOps', [op], BUNDLER)
    const events = parseEventLogs({ abi: EntryPoint.abi, eventName: 'UserOperationEvent', logs: receipt.logs })
    assert.deepEqual(events.map((e) => e.args.userOpHash), [hash])
    return { receipt, success: events[0].args.success, gasUsed: events[0].args.actualGasUsed }
  }

  /** The EntryPoint refuses with `reason`; `inner` is the account's own error where validation reverted. */
  async refused({ op }, reason, inner) {
    const data = await this.chain.revertData({
      from: BUNDLER,
      to: ENTRY_POINT,
      data: this.entryPoint.data('handleOps', [op], BUNDLER),
    })
    const { errorName, args } = decodeErrorResult({ abi: EntryPoint.abi, data })
    assert.equal(errorName, inner ? 'FailedOpWithRevert' : 'FailedOp')
    assert.equal(args[1], reason)
    if (inner) assert.equal(args[2].slice(0, 10), ERRORS[inner][0], `expected ${inner}, got ${args[2]}`)
  }
}

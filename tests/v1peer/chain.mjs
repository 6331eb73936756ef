// chain.mjs -- the contracts' interface and reads of them at the head
// SPDX-License-Identifier: Apache-2.0
import { decodeFunctionResult, encodeFunctionData, parseAbi } from 'viem'
import { setTimeout as sleep } from 'node:timers/promises'

export const ENTRY_POINT = '0x0000000071727De22E5E9d8BAf0edAc6f37da032'
export const ZERO32 = '0x' + '00'.repeat(32)
export const PUBLISH_ED25519 = '0xcedc29c2'

export const abi = parseAbi([
  'struct MemberRecord { bytes32 attestorId; address memberContract; bytes32 xPubKey; bytes32 wgPubKey; uint64 registeredAt; }',
  'struct DstackProof { bytes32 codeId; bytes32 messageHash; bytes messageSignature; bytes appSignature; bytes kmsSignature; bytes derivedCompressedPubkey; bytes appCompressedPubkey; string purpose; }',
  'function cluster() view returns (address)',
  'function memberOf(address) view returns (MemberRecord)',
  'function memberById(bytes32) view returns (MemberRecord)',
  'function xPubKeyOf(bytes32) view returns (bytes32)',
  'function listMembers() view returns (bytes32[])',
  'function meshCidr() view returns (uint32, uint8)',
  'function meshIpOf(bytes32) view returns (uint32)',
  'function cskCommitment() view returns (bytes32)',
  'function ed25519KeyOf(bytes32) view returns (bytes32)',
  'function facetAddress(bytes4) view returns (address)',
  'function getNonce(address, uint192) view returns (uint256)',
  'function execute(address target, uint256 value, bytes data)',
  'function dstack_register(DstackProof proof, address memberContract, bytes32 xPubKey, bytes32 wgPubKey) returns (bytes32)',
  'function publishEd25519Key(bytes32 key)',
  'function setCskCommitment(bytes32 commitment)',
])

export const calldata = (functionName, ...args) => encodeFunctionData({ abi, functionName, args })

// JSON-RPC over HTTP. Errors carry `answered`: whether the other side spoke. No error text holds the URL.
export function jsonRpc(url, name) {
  return async (method, params) => {
    const fail = (got, extra) => Object.assign(new Error(`${name} ${method}: expected a result, got ${got}`), extra)
    let status, body
    try {
      const answer = await fetch(url, {
        method: 'POST', headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }), signal: AbortSignal.timeout(20000),
      })
      status = answer.status
      body = await answer.json()
    } catch (e) {
      throw fail(e.cause?.code ?? (status ? `HTTP ${status} without JSON` : e.name), { answered: false })
    }
    if (body?.error) throw fail(`error ${body.error.code} ${body.error.message}`, { answered: true, data: body.error.data })
    if (!body || !('result' in body)) throw fail(`HTTP ${status} without a result`, { answered: false })
    return body.result
  }
}

const READ_ATTEMPTS = 8

// read(address, function, ...args) -> decoded value. A revert is thrown at once, an unreachable node after v1's retries.
export function makeReader(rpc) {
  return async (to, functionName, ...args) => {
    for (let attempt = 1; ; attempt++) {
      try {
        const data = await rpc('eth_call', [{ to, data: calldata(functionName, ...args) }, 'latest'])
        return decodeFunctionResult({ abi, functionName, data })
      } catch (e) {
        if (e.answered !== false || attempt === READ_ATTEMPTS) throw e
        await sleep(Math.min(500 * 2 ** (attempt - 1), 10000))
      }
    }
  }
}

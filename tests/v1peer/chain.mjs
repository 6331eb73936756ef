// chain.mjs -- the contracts' interface and reads of them at the head
import { decodeFunctionResult, encodeFunctionData, parseAbi } from 'viem'
import { setTimeout as sleep } from 'node:timers/promises'

export const ENTRY_POINT = '0x0000000071727De22E5E9d8BAf0edAc6f37da032'
export const ZERO32 = '0x' + '00'.repeat(32)
export const PUBLISH_ED25519 = '0xcedc29c2'

export const abi = parseAbi([
  'struct MemberRecord { bytes32 attestorId; address memberContract; bytes32 xPubKey; bytes32 wgPubKey; uint64 registeredAt; }',
  'struct DstackProof { bytes32 codeId; bytes32 messageHash; bytes messageSignature; bytes appSignature; bytes kmsSignature; ' +
    'bytes derivedCompressedPubkey; bytes appCompressedPubkey; string purpose; }',
  'function cluster() view returns (address)', 'function meshCidr() view returns (uint32, uint8)',
  'function memberOf(address) view returns (MemberRecord)', 'function memberById(bytes32) view returns (MemberRecord)',
  'function listMembers() view returns (bytes32[])', 'function meshIpOf(bytes32) view returns (uint32)',
  'function xPubKeyOf(bytes32) view returns (bytes32)', 'function ed25519KeyOf(bytes32) view returns (bytes32)',
  'function cskCommitment() view returns (bytes32)', 'function facetAddress(bytes4) view returns (address)',
  'function getNonce(address, uint192) view returns (uint256)', 'function execute(address target, uint256 value, bytes data)',
  'function publishEd25519Key(bytes32 key)', 'function setCskCommitment(bytes32 commitment)',
  'function dstack_register(DstackProof proof, address memberContract, bytes32 xPubKey, bytes32 wgPubKey) returns (bytes32)',
])

export const calldata = (functionName, ...args) => encodeFunctionData({ abi, functionName, args })

// JSON-RPC over HTTP. Errors carry `answered`: whether the other side spoke. No error text holds the URL.
export function jsonRpc(url, name) {
  return async (method, params) => {
    const fail = (got, answered) => Object.assign(new Error(`${name} ${method}: expected a result, got ${got}`), { answered })
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body, signal: AbortSignal.timeout(20000) })
      .then((response) => response.json()).catch((e) => { throw fail(e.cause?.code ?? e.name, false) })
    if (answer?.error) throw fail(`error ${answer.error.code} ${answer.error.message}`, true)
    if (answer?.result === undefined) throw fail('an answer without a result', false)
    return answer.result
  }
}

// read(address, function, ...args) -> decoded value. A revert is thrown at once, an unreachable node after v1's retries.
export function makeReader(rpc) {
  return async (to, functionName, ...args) => {
    const call = () => rpc('eth_call', [{ to, data: calldata(functionName, ...args) }, 'latest'])
    const attempt = (n) => call().catch((e) => {
      if (e.answered || n === 8) throw e
      return sleep(Math.min(500 * 2 ** (n - 1), 10000)).then(() => attempt(n + 1))
    })
    return decodeFunctionResult({ abi, functionName, data: await attempt(1) })
  }
}

// keys.mjs -- v1's keys from the guest agent, sealed boxes, signatures and the registration proof
import { createRequire } from 'node:module'
import { bytesToHex, hexToBytes, keccak256, pad, recoverPublicKey, size, stringToBytes } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { bindHash } from './wire.mjs'

// The CommonJS build: the other one finds no random source on node 18.
const sodium = createRequire(import.meta.url)('libsodium-wrappers')
await sodium.ready

export function seed32(key) {
  if (!/^(0x)?([0-9a-fA-F]{2}){32,}$/.test(key)) throw new Error('guest agent: expected a key of at least 32 bytes hex, got another shape')
  return hexToBytes('0x' + key.replace(/^0x/, '').slice(0, 64))
}

// SEC1 compression of an uncompressed public key.
const compress = (pub) => '0x' + (parseInt(pub.slice(-1), 16) % 2 ? '03' : '02') + pub.slice(4, 68)

// Agents end a signature with the recovery id; the contract wants 27 or 28.
export function normaliseV(signature) {
  const hex = signature.startsWith('0x') ? signature : '0x' + signature
  if (size(hex) !== 65) throw new Error(`KMS chain: expected a signature of 65 bytes, got ${size(hex)}`)
  const v = parseInt(hex.slice(-2), 16)
  return hex.slice(0, -2) + (v < 27 ? v + 27 : v).toString(16).padStart(2, '0')
}

// identity, wireguard, ownerKey: 32 bytes each; chain: the two signatures that came with the owner key.
export function makeKeys({ identity, wireguard, ownerKey, chain }) {
  const ed = sodium.crypto_sign_seed_keypair(identity)
  const account = privateKeyToAccount(bytesToHex(ownerKey))
  const xPub = sodium.crypto_scalarmult_base(identity)
  return {
    account, xPub: bytesToHex(xPub), edPub: bytesToHex(ed.publicKey),
    wgPub: bytesToHex(sodium.crypto_scalarmult_base(wireguard)), wgSecretBase64: Buffer.from(wireguard).toString('base64'),
    derivedPub: compress(account.publicKey), chain: chain.map(normaliseV),
    sign: (digest) => bytesToHex(sodium.crypto_sign_detached(hexToBytes(digest), ed.privateKey)),
    openSealed: (sealed) => sodium.crypto_box_seal_open(sealed, xPub, identity),
  }
}

export async function deriveKeys(agent) {
  const [identity, wireguard] = [await agent.getKey('attestmesh.identity.v1', ''), await agent.getKey('attestmesh.wireguard.v1', '')]
  const { key, signature_chain: chain } = await agent.getKey('attestmesh-binding-v1', 'ethereum')
  if (chain?.length !== 2) throw new Error('guest agent: expected a signature chain of two, got another count')
  return makeKeys({ identity: seed32(identity.key), wireguard: seed32(wireguard.key), ownerKey: seed32(key), chain })
}

export const deriveCsk = async (agent) => seed32((await agent.getKey('attestmesh.cluster-shared.v1', 'csk-v1')).key)
export const seal = (plain, xPub) => sodium.crypto_box_seal(plain, hexToBytes(xPub))
export const wrap = (plain, aad, nonce, kek) => sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(plain, aad, null, nonce, kek)
export const unwrap = (sealed, aad, nonce, kek) => sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, aad, nonce, kek)
export const verifyEd25519 = (signature, digest, edPub) => sodium.crypto_sign_verify_detached(...[signature, digest, edPub].map((hex) => hexToBytes(hex)))

// The DstackProof tuple. The app key is not delivered: it is what the app signature recovers to.
export async function registrationProof(keys, cluster, member) {
  const messageHash = bindHash(cluster, member, keys.xPub, keys.wgPub)
  const appDigest = keccak256(stringToBytes('ethereum:' + keys.derivedPub.slice(2)))
  return {
    codeId: pad(member, { dir: 'right', size: 32 }), messageHash,
    messageSignature: await keys.account.signMessage({ message: { raw: messageHash } }),
    appSignature: keys.chain[0], kmsSignature: keys.chain[1], derivedCompressedPubkey: keys.derivedPub,
    appCompressedPubkey: compress(await recoverPublicKey({ hash: appDigest, signature: keys.chain[0] })), purpose: 'ethereum',
  }
}

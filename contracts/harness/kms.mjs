/*  kms.mjs -- a dstack KMS of test keys: what root, app and derived key sign for a registration  */
// SPDX-License-Identifier: Apache-2.0

import { concatHex, encodeAbiParameters, hashMessage, keccak256, numberToHex, padHex, stringToHex } from 'viem'
import { privateKeyToAccount, sign } from 'viem/accounts'
import { toCompressed } from './curve.mjs'

export const ROOT_KEY = numberToHex(1, { size: 32 })
export const APP_KEY = numberToHex(2, { size: 32 })
export const DERIVED_KEY = numberToHex(3, { size: 32 })
export const addressOfKey = (key) => privateKeyToAccount(key).address

/** r || s || v with v 27 or 28; RFC 6979, low s. */
export const signRaw = (hash, privateKey) => sign({ hash, privateKey, to: 'hex' })

export function bindHash(cluster, member, xPub, wgPub) {
  const types = ['string', 'address', 'address', 'bytes32', 'bytes32'].map((type) => ({ type }))
  return keccak256(encodeAbiParameters(types, ['attestmesh.bind.v1', cluster, member, xPub, wgPub]))
}

export function memberIdOf(cluster, member, attestor) {
  const types = ['address', 'address', 'bytes32'].map((type) => ({ type }))
  return keccak256(encodeAbiParameters(types, [cluster, member, attestor]))
}

export const codeIdOf = (member) => padHex(member.toLowerCase(), { size: 32, dir: 'right' })

export function appDigest(purpose, derivedPubkey) {
  return keccak256(stringToHex(`${purpose}:${derivedPubkey.slice(2)}`))
}

export function kmsDigest(codeId, appPubkey) {
  return keccak256(concatHex([stringToHex('dstack-kms-issued:'), codeId.slice(0, 42), appPubkey]))
}

/**
 * The proof that an honest node presents; `change` replaces inputs before they are signed
 * (rootKey, appKey, derivedKey, purpose, codeId, messageHash, derivedPubkey, appPubkey).
 */
export async function makeProof({ cluster, member, xPub, wgPub, ...change }) {
  const { rootKey, appKey, derivedKey } = { rootKey: ROOT_KEY, appKey: APP_KEY, derivedKey: DERIVED_KEY, ...change }
  const purpose = change.purpose ?? 'ethereum'
  const codeId = change.codeId ?? codeIdOf(member)
  const messageHash = change.messageHash ?? bindHash(cluster, member, xPub, wgPub)
  const derivedCompressedPubkey = change.derivedPubkey ?? toCompressed(derivedKey)
  const appCompressedPubkey = change.appPubkey ?? toCompressed(appKey)
  return {
    codeId,
    messageHash,
    messageSignature: await signRaw(hashMessage({ raw: messageHash }), derivedKey),
    appSignature: await signRaw(appDigest(purpose, derivedCompressedPubkey), appKey),
    kmsSignature: await signRaw(kmsDigest(codeId, appCompressedPubkey), rootKey),
    derivedCompressedPubkey,
    appCompressedPubkey,
    purpose,
  }
}

/** The last byte as real guest agents deliver it, 0 or 1. */
export const withAgentV = (signature) => withV(signature, parseInt(signature.slice(-2), 16) - 27)
export const withV = (signature, v) => `${signature.slice(0, -2)}${v.toString(16).padStart(2, '0')}`

/** The same signature's other half: s' = n - s with v flipped, valid for a careless verifier. */
export function withHighS(signature) {
  const n = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
  const s = n - BigInt(`0x${signature.slice(66, 130)}`)
  const v = parseInt(signature.slice(-2), 16) === 27 ? 28 : 27
  return withV(`${signature.slice(0, 66)}${s.toString(16).padStart(64, '0')}00`, v)
}

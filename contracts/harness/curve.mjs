/*  curve.mjs -- the three forms of a secp256k1 public key  */
// SPDX-License-Identifier: Apache-2.0

import { privateKeyToAccount } from 'viem/accounts'

/** 65 bytes: 0x04, x, y. */
export const toUncompressed = (privateKey) => privateKeyToAccount(privateKey).publicKey

/** 64 bytes: x, y. */
export const toBare = (privateKey) => `0x${toUncompressed(privateKey).slice(4)}`

/** 33 bytes: 0x02 or 0x03 by the parity of y, then x. */
export function toCompressed(privateKey) {
  const key = toUncompressed(privateKey)
  const odd = parseInt(key.slice(-2), 16) & 1
  return `0x0${2 + odd}${key.slice(4, 68)}`
}

// state.test.mjs -- the durable files against the worked examples of the protocol page, and on a disk
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import test from 'node:test'
import { hexToBytes, keccak256 } from 'viem'
import { cachedCsk, decodeCsk, decodeCursor, decodePeers, encodeCsk, encodeCursor, encodePeers, keepCsk, keepPeerKey, loadState, moveCursor } from './state.mjs'

const page = JSON.parse(readFileSync(new URL('examples.json', import.meta.url))).state
const of = (byte, n = 32) => '0x' + byte.repeat(n), bytes = (byte, n = 32) => hexToBytes(of(byte, n)), hex = (b) => '0x' + Buffer.from(b).toString('hex')
const key = bytes('42'), kek = bytes('77'), scope = { cluster: of('11', 20), member: of('22', 20), commitment: keccak256(key) }
const owner = { cluster: of('11', 20), id: of('a1') }

test('csk.v1, byte for byte; no changed byte opens it, nor another owner', () => {
  const file = encodeCsk(scope, kek, key, bytes('24', 24))
  assert.equal(hex(file), page.csk_file)
  assert.equal(hex(decodeCsk(file, scope, kek)), hex(key))
  for (let i = 0; i < file.length; i++) assert.throws(() => decodeCsk(Buffer.from(file).fill(file[i] ^ 1, i, i + 1), scope, kek), `byte ${i}`)
  for (const other of [{ cluster: of('12', 20) }, { member: of('23', 20) }, { commitment: of('01') }]) assert.throws(() => decodeCsk(file, { ...scope, ...other }, kek))
  for (const bad of [Buffer.concat([file, Buffer.from([0])]), file.subarray(0, -1), Buffer.alloc(4097)]) assert.throws(() => decodeCsk(bad, scope, kek))
})

test('peer-ed25519.v1 and indexer-cursor.v1, byte for byte', () => {
  assert.equal(hex(encodePeers(new Map([[of('01'), of('ff')]]))), page.peer_file)
  const two = encodePeers(new Map([[of('02'), of('20')], [of('01'), of('10')]]))
  assert.deepEqual([...decodePeers(Buffer.concat([two, two.subarray(0, 63)])).keys()], [of('01'), of('02')])
  assert.throws(() => decodePeers(Buffer.alloc(1048577)))
  for (const [at, file] of [[{ block: 100n, logIndex: 7n }, page.cursor_event], [{ block: 100n, logIndex: 2n ** 64n - 1n }, page.cursor_checkpoint]]) {
    assert.equal(hex(encodeCursor(owner, at)), file)
    assert.deepEqual(decodeCursor(Buffer.from(hexToBytes(file)), owner), at)
  }
  for (const i of [0, 1, 21, 52]) assert.throws(() => decodeCursor(Buffer.from(hexToBytes(page.cursor_event)).fill(9, i, i + 1), owner))
})

test('on a disk: 0600 in 0700, nothing left beside, and a foreign cursor stays', async (t) => {
  const stateDir = mkdtempSync('/tmp/v1peer-state-') + '/state', agent = { getKey: async () => ({ key: of('77') }) }
  t.after(() => rmSync(stateDir.slice(0, -6), { recursive: true }))
  const node = { stateDir, agent, member: scope.member, ...owner }, again = { ...node }
  await loadState(node)
  await keepCsk(node, key)
  await keepPeerKey(node, of('01'), of('ff'))
  await moveCursor(node, 100n)
  await moveCursor(node, 99n)
  await loadState(again)
  assert.deepEqual([again.cursor.block, again.learned.get(of('01')), hex(await cachedCsk(again, scope.commitment))], [100n, of('ff'), hex(key)])
  assert.equal(statSync(stateDir).mode & 0o777, 0o700)
  assert.deepEqual(readdirSync(stateDir).map((f) => [f, statSync(`${stateDir}/${f}`).mode & 0o777]), ['csk.v1', 'indexer-cursor.v1', 'peer-ed25519.v1'].map((f) => [f, 0o600]))
  writeFileSync(`${stateDir}/indexer-cursor.v1`, 'x')
  await loadState(again)
  await moveCursor(again, 500n)
  assert.equal(readFileSync(`${stateDir}/indexer-cursor.v1`, 'utf8'), 'x')
})

/*  artifacts.test.mjs -- the committed artifacts are what the sources give, and a drift is named  */
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { artifact, ROOT } from '../harness/chain.mjs'

let copy
before(() => {
  copy = fs.mkdtempSync(path.join(os.tmpdir(), 'attestmesh-artifacts-'))
  for (const name of ['src', 'artifacts', 'compile.mjs', 'package.json']) {
    fs.cpSync(path.join(ROOT, name), path.join(copy, name), { recursive: true })
  }
  fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'))
})
after(() => fs.rmSync(copy, { recursive: true, force: true }))

const check = (folder) => spawnSync(process.execPath, ['compile.mjs', '--check'], { cwd: folder, encoding: 'utf8' })
const edit = (name, change) => {
  const file = path.join(copy, name)
  fs.writeFileSync(file, change(fs.readFileSync(file, 'utf8')))
}

describe('compile.mjs --check', () => {
  it('passes here', () => {
    const { status, stderr } = check(ROOT)
    assert.equal(stderr, '')
    assert.equal(status, 0)
  })
  it('names each artifact that is changed, missing or nobody\'s', () => {
    edit('src/facets/MessageFacet.sol', (text) => text.replace('revert DuplicateEnvelope()', 'revert RecipientNotMember()'))
    fs.rmSync(path.join(copy, 'artifacts/DiamondInit.json'))
    fs.writeFileSync(path.join(copy, 'artifacts/Stray.json'), '{}')
    const { status, stderr } = check(copy)
    assert.equal(status, 1)
    const named = stderr.trim().split('\n').map((line) => line.match(/^artifacts\/(\w+)\.json: /)?.[1])
    assert.deepEqual(named.sort(), ['DiamondInit', 'MessageFacet', 'Stray'])
  })
  it('refuses a source with a warning', () => {
    edit('src/facets/MessageFacet.sol', (text) => text.replace('bytes32 sender =', 'uint256 unused;\n        bytes32 sender ='))
    const { status, stderr } = check(copy)
    assert.equal(status, 1)
    assert.match(stderr, /MessageFacet\.sol/)
  })
})

describe('artifacts', () => {
  it('are deployable: no code beyond EIP-170, no unlinked library', () => {
    for (const file of fs.readdirSync(path.join(ROOT, 'artifacts'))) {
      const { contractName, bytecode, deployedBytecode } = artifact(path.basename(file, '.json'))
      assert.equal(`${contractName}.json`, file)
      assert.match(bytecode, /^0x([0-9a-f]{2})+$/)
      assert.match(deployedBytecode, /^0x([0-9a-f]{2})+$/)
      assert.ok(deployedBytecode.length / 2 - 1 <= 24576, file)
    }
  })
})

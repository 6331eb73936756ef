/*  artifacts.test.mjs -- the committed artifacts are what the sources give, and a drift is named  */
// SPDX-License-Identifier: Apache-2.0

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { compile, differences } from '../compile.mjs'
import { artifact, ROOT } from '../harness/chain.mjs'

const copies = []
after(() => copies.forEach((copy) => fs.rmSync(copy, { recursive: true, force: true })))

function makeCopy() {
  const copy = fs.mkdtempSync(path.join(os.tmpdir(), 'attestmesh-artifacts-'))
  copies.push(copy)
  for (const name of ['src', 'artifacts', 'compile.mjs', 'package.json']) {
    fs.cpSync(path.join(ROOT, name), path.join(copy, name), { recursive: true })
  }
  fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'))
  return copy
}

function edit(file, from, to) {
  const text = fs.readFileSync(file, 'utf8')
  assert.ok(text.includes(from), `${file} has: ${from}`)
  fs.writeFileSync(file, text.replace(from, to))
}

describe('compile.mjs --check', () => {
  let compiled
  before(() => {
    compiled = compile()
  })

  it('finds nothing here', () => {
    assert.deepEqual(differences(compiled, path.join(ROOT, 'artifacts')), [])
  })

  it('names each artifact that is changed, missing or nobody\'s', () => {
    const folder = path.join(makeCopy(), 'artifacts')
    edit(path.join(folder, 'MessageFacet.json'), '"bytecode": "0x60', '"bytecode": "0x61')
    fs.rmSync(path.join(folder, 'DiamondInit.json'))
    fs.writeFileSync(path.join(folder, 'Stray.json'), '{}')
    assert.deepEqual(differences(compiled, folder), [
      'Stray.json: no source gives it', 'DiamondInit.json: missing', 'MessageFacet.json: differs from what src/ gives',
    ])
  })

  it('refuses a source with a warning, with exit 1', () => {
    const copy = makeCopy()
    const kept = ['src/facets/MessageFacet.sol', 'src/storage/MemberStorage.sol', 'src/storage/MessageStorage.sol',
      'src/storage/RemovalStorage.sol', 'src/Errors.sol', 'src/Types.sol']
    for (const name of fs.readdirSync(path.join(copy, 'src'), { recursive: true })) {
      const file = path.join('src', name)
      // One facet shows it; all the others would be compiled for nothing.
      if (file.endsWith('.sol') && !kept.includes(file)) fs.rmSync(path.join(copy, file))
    }
    edit(path.join(copy, 'src/facets/MessageFacet.sol'), 'bytes32 sender =', 'uint256 unused;\n        bytes32 sender =')
    const { status, stderr } = spawnSync(process.execPath, ['compile.mjs', '--check'], { cwd: copy, encoding: 'utf8' })
    assert.equal(status, 1)
    assert.match(stderr, /Unused local variable[^]*MessageFacet\.sol/)
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

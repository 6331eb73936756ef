/*  compile.mjs -- compiles src/ to artifacts/, or proves that the committed artifacts are src/  */
// SPDX-License-Identifier: Apache-2.0
//
//   node compile.mjs           writes artifacts/<Name>.json
//   node compile.mjs --check   writes nothing; exit 1 names every artifact that is not what src/ gives

import fs from 'node:fs'
import path from 'node:path'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const ROOT = path.dirname(fileURLToPath(import.meta.url))
const OUT = path.join(ROOT, 'artifacts')

/** Everything that somebody deploys; libraries and interfaces are inside these. */
const CONTRACTS = {
  AttestFacet: 'src/facets/AttestFacet.sol',
  ClusterDiamond: 'src/ClusterDiamond.sol',
  ClusterDiamondFactory: 'src/ClusterDiamondFactory.sol',
  ClusterMember: 'src/ClusterMember.sol',
  ClusterMemberFactory: 'src/ClusterMemberFactory.sol',
  DiamondInit: 'src/DiamondInit.sol',
  DstackFacet: 'src/facets/DstackFacet.sol',
  ERC1967Proxy: '@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol',
  IndexerRegistry: 'src/IndexerRegistry.sol',
  MessageFacet: 'src/facets/MessageFacet.sol',
  Multicall3: 'src/devnet/Multicall3.sol',
  NetworkFacet: 'src/facets/NetworkFacet.sol',
  RemovalFacet: 'src/facets/RemovalFacet.sol',
  SigChainProbe: 'src/devnet/SigChainProbe.sol',
  StockDstackApp: 'src/devnet/StockDstackApp.sol',
}

const OUTPUTS = ['abi', 'evm.bytecode.object', 'evm.deployedBytecode.object']

/** v1's toolchain. bytecodeHash none keeps comments and paths out of the code. */
const SETTINGS = {
  evmVersion: 'cancun',
  optimizer: { enabled: true, runs: 200 },
  viaIR: false,
  metadata: { bytecodeHash: 'none' },
  outputSelection: Object.fromEntries(Object.entries(CONTRACTS).map(([name, file]) => [file, { [name]: OUTPUTS }])),
}

function sources(folder = 'src') {
  const found = {}
  for (const entry of fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true })) {
    const name = `${folder}/${entry.name}`
    if (entry.isDirectory()) Object.assign(found, sources(name))
    else if (name.endsWith('.sol')) found[name] = { content: fs.readFileSync(path.join(ROOT, name), 'utf8') }
  }
  return found
}

function fromPackage(name) {
  try {
    return { contents: fs.readFileSync(path.join(ROOT, 'node_modules', name), 'utf8') }
  } catch (e) {
    return { error: `${name}: expected a file of an installed package, got ${e.code}` }
  }
}

/** Name -> artifact text. A warning in our own sources is an error. */
export function compile() {
  const solc = createRequire(import.meta.url)('solc')
  if (!solc.version().startsWith('0.8.24+')) throw new Error(`solc: expected 0.8.24, got ${solc.version()}`)
  const input = { language: 'Solidity', sources: sources(), settings: SETTINGS }
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: fromPackage }))
  const complaints = (output.errors ?? []).filter(
    (e) => e.severity === 'error' || e.sourceLocation?.file.startsWith('src/'),
  )
  if (complaints.length) throw new Error(complaints.map((e) => e.formattedMessage).join('\n'))

  const artifacts = {}
  for (const [contractName, file] of Object.entries(CONTRACTS)) {
    const { abi, evm } = output.contracts[file][contractName]
    const artifact = {
      contractName,
      abi,
      bytecode: `0x${evm.bytecode.object}`,
      deployedBytecode: `0x${evm.deployedBytecode.object}`,
    }
    artifacts[`${contractName}.json`] = `${JSON.stringify(artifact, null, 1)}\n`
  }
  return artifacts
}

/** One line for each file of `folder` that is not what the sources give. */
export function differences(artifacts, folder) {
  const committed = fs.existsSync(folder) ? fs.readdirSync(folder) : []
  const wrong = committed.filter((name) => !(name in artifacts)).map((name) => `${name}: no source gives it`)
  for (const [name, text] of Object.entries(artifacts)) {
    if (!committed.includes(name)) wrong.push(`${name}: missing`)
    else if (fs.readFileSync(path.join(folder, name), 'utf8') !== text) wrong.push(`${name}: differs from what src/ gives`)
  }
  return wrong
}

function main(args) {
  if (args.length > 1 || (args.length === 1 && args[0] !== '--check')) {
    console.error(`compile.mjs: expected nothing or --check, got ${args.join(' ')}`)
    return 2
  }
  const artifacts = compile()
  const count = Object.keys(artifacts).length
  if (args[0] === '--check') {
    const wrong = differences(artifacts, OUT)
    for (const line of wrong) console.error(`artifacts/${line}; run node compile.mjs`)
    if (wrong.length) return 1
    console.log(`${count} artifacts are what src/ compiles to`)
  } else {
    fs.mkdirSync(OUT, { recursive: true })
    for (const [name, text] of Object.entries(artifacts)) fs.writeFileSync(path.join(OUT, name), text)
    console.log(`${count} artifacts written`)
  }
  return 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = main(process.argv.slice(2))
  } catch (e) {
    console.error(e.message)
    process.exitCode = 1
  }
}

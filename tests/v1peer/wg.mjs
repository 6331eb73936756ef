// wg.mjs -- the WireGuard device of this network namespace, driven through wg and ip
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'

// Node's stdin pipes are sockets, which /dev/stdin cannot reopen: cat makes a true pipe of them.
function run(argv, input) {
  return new Promise((resolve, reject) => {
    let text = ''
    const child = spawn('/bin/sh', ['-c', input === undefined ? 'exec "$@"' : 'cat | "$@"', 'sh', ...argv], { stdio: ['pipe', 'ignore', 'pipe'] })
    child.stderr.on('data', (d) => { text += d })
    child.stdin.on('error', () => {}).end(input ?? '')
    child.on('error', reject).on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${argv[0]} ${argv[1]}: expected exit 0, got ${code}: ${text.trim()}`))))
  })
}

const base64 = (hex) => Buffer.from(hex.slice(2), 'hex').toString('base64')

export function makeDevice({ name = 'attestmesh0', port }) {
  const peers = new Set()
  // One change at a time, and none after the device was given back.
  let last = Promise.resolve(), gone = false
  const inTurn = (action) => (last = last.catch(() => {}).then(action))
  return {
    up: (secretBase64, ip, prefix) => inTurn(async () => {
      await run(['wg', 'set', name, 'listen-port', `${port}`, 'private-key', '/dev/stdin'], secretBase64 + '\n')
      await run(['ip', 'address', 'replace', `${ip}/${prefix}`, 'dev', name])
      await run(['ip', 'link', 'set', 'dev', name, 'mtu', '1420', 'up'])
    }),
    setPeer: (wgPub, ip, endpoint) => inTurn(async () => {
      if (gone) return
      const key = base64(wgPub)
      await run(['wg', 'set', name, 'peer', key, 'allowed-ips', `${ip}/32`, 'persistent-keepalive', '25', ...(endpoint ? ['endpoint', endpoint] : [])])
      peers.add(key)
    }),
    // The device was there before us: it goes back without key, peers and address.
    down: () => inTurn(async () => {
      gone = true
      for (const key of peers) await run(['wg', 'set', name, 'peer', key, 'remove'])
      await run(['wg', 'set', name, 'private-key', '/dev/null'])
      await run(['ip', 'address', 'flush', 'dev', name])
      await run(['ip', 'link', 'set', 'dev', name, 'down'])
    }),
  }
}

// Lines "<member contract 0x..> <ip:port>" -> Map of lower-case contract to endpoint.
export async function readEndpoints(path) {
  const text = path ? await readFile(path, 'utf8') : ''
  return new Map(text.split('\n').filter((line) => line.trim()).map((line) => {
    const hit = /^(0x[0-9a-fA-F]{40})\s+(\S+:\d{1,5})\s*$/.exec(line)
    if (!hit) throw new Error(`ATTESTMESH_ENDPOINTS: expected "0x<contract> <ip:port>", got "${line}"`)
    return [hit[1].toLowerCase(), hit[2]]
  }))
}

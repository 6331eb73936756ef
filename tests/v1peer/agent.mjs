// agent.mjs -- the dstack guest agent over its unix socket, as v1 speaks to it
// SPDX-License-Identifier: Apache-2.0
import net from 'node:net'

const TIMEOUT_MS = 20000
const LIMIT = 1 << 20

// Agents may keep the connection whatever we ask for, so the answer ends where Content-Length says.
function exchange(socketPath, method, body) {
  return new Promise((resolve, reject) => {
    const text = Buffer.from(JSON.stringify(body))
    const socket = net.connect(socketPath)
    const fail = (got) => { clearTimeout(timer); socket.destroy(); reject(new Error(`guest agent ${method}: expected an answer, got ${got}`)) }
    const timer = setTimeout(() => fail(`silence for ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS)
    let raw = Buffer.alloc(0)
    socket.on('connect', () => socket.write(Buffer.concat([Buffer.from(
      `POST /${method} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\nConnection: close\r\n\r\n`), text])))
    socket.on('error', (e) => fail(e.code ?? 'a socket error'))
    socket.on('close', () => fail('the end of the connection'))
    socket.on('data', (chunk) => {
      raw = Buffer.concat([raw, chunk])
      if (raw.length > LIMIT) return fail('more than 1 MiB')
      const end = raw.indexOf('\r\n\r\n')
      if (end < 0) return
      const head = raw.subarray(0, end).toString('latin1')
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(head), length = /^content-length:\s*(\d+)\s*$/im.exec(head)
      if (!status || !length) return fail('no status line or no Content-Length')
      const answer = raw.subarray(end + 4, end + 4 + Number(length[1]))
      if (answer.length < Number(length[1])) return
      if (status[1][0] !== '2') return fail(`HTTP ${status[1]}`)
      clearTimeout(timer)
      socket.destroy()
      try { resolve(JSON.parse(answer.toString('utf8'))) } catch { reject(new Error(`guest agent ${method}: expected JSON, got something else`)) }
    })
  })
}

export const makeAgent = (socketPath) => ({
  getKey: (path, purpose) => exchange(socketPath, 'GetKey', { path, purpose }),
  async appId() {
    const { app_id: id } = await exchange(socketPath, 'Info', {})
    if (!/^[0-9a-fA-F]{40}$/.test(id ?? '')) throw new Error('guest agent Info: expected app_id of 20 bytes hex, got another shape')
    return '0x' + id.toLowerCase()
  },
})

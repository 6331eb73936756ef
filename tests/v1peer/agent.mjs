// agent.mjs -- the dstack guest agent over its unix socket, as v1 speaks to it
import http from 'node:http'

// Agents may keep the connection open whatever we ask for: the answer ends where its Content-Length says.
const exchange = (socketPath, method, fields) => new Promise((resolve, reject) => {
  const body = JSON.stringify(fields)
  const headers = { Host: 'localhost', 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), Connection: 'close' }
  const fail = (got) => reject(new Error(`guest agent ${method}: expected an answer, got ${got}`))
  const request = http.request({ socketPath, path: `/${method}`, method: 'POST', agent: false, headers, signal: AbortSignal.timeout(20000) }, (answer) => {
    const parts = []
    answer.on('error', (e) => fail(e.code)).on('data', (part) => parts.push(part)).on('end', () => {
      request.destroy()
      if (answer.statusCode < 200 || answer.statusCode > 299) return fail(`HTTP ${answer.statusCode}`)
      try { resolve(JSON.parse(Buffer.concat(parts))) } catch { fail('something else than JSON') }
    })
  })
  request.on('error', (e) => fail(e.code ?? e.name)).end(body)
})

export const makeAgent = (socketPath) => ({
  getKey: (path, purpose) => exchange(socketPath, 'GetKey', { path, purpose }),
  async appId() {
    const { app_id: id } = await exchange(socketPath, 'Info', {})
    if (!/^[0-9a-fA-F]{40}$/.test(id ?? '')) throw new Error('guest agent Info: expected app_id of 20 bytes hex, got another shape')
    return '0x' + id.toLowerCase()
  },
})

// interop.mjs -- am_grpc against grpc-js, both ways; the argument is the grpc_echo program
import { spawn, execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { once } from 'node:events'
import { promisify } from 'node:util'
import assert from 'node:assert/strict'

const grpc = createRequire(new URL('../../v1peer/package.json', import.meta.url))('@grpc/grpc-js')
const run = promisify(execFile)
const program = process.argv[2]
const same = (bytes) => bytes
const REFUSAL = 'not yet: 100% ünready'

const call = (client, path, message, options = {}) => new Promise((resolve) =>
  client.makeUnaryRequest(path, same, same, message, { deadline: Date.now() + 5000, ...options },
    (err, answer) => resolve(err ?? answer)))

async function jsAsksC() {
  const child = spawn(program, ['serve'], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const port = String((await once(child.stdout, 'data'))[0]).trim()
    const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure())
    assert.deepEqual(await call(client, '/t.T/Echo', Buffer.from('hello')), Buffer.from('hello'))
    assert.equal((await call(client, '/t.T/Echo', Buffer.alloc(0))).length, 0)
    const big = Buffer.alloc(3 << 20, 7)
    assert.ok((await call(client, '/t.T/Echo', big)).equals(big), '3 MiB')
    const large = await call(client, '/t.T/Echo', Buffer.alloc((4 << 20) + 1))
    assert.equal(large.code, grpc.status.RESOURCE_EXHAUSTED, large.message)
    const refused = await call(client, '/t.T/Refuse', Buffer.from('x'))
    assert.equal(refused.code, grpc.status.FAILED_PRECONDITION)
    assert.equal(refused.details, REFUSAL)
    assert.equal((await call(client, '/t.T/None', Buffer.from('x'))).code, grpc.status.UNIMPLEMENTED)
    const late = await call(client, '/t.T/Hold', Buffer.from('x'), { deadline: Date.now() + 200 })
    assert.equal(late.code, grpc.status.DEADLINE_EXCEEDED)
    const many = await Promise.all(Array.from({ length: 300 }, (_, i) =>
      call(client, '/t.T/Echo', Buffer.from(String(i)))))
    many.forEach((answer, i) => assert.equal(String(answer), String(i), `concurrent ${i}`))
    client.close()
    const zipped = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(),
      { 'grpc.default_compression_algorithm': 2 })
    const zip = await call(zipped, '/t.T/Echo', Buffer.alloc(5000))
    assert.equal(zip.code, grpc.status.UNIMPLEMENTED, String(zip))
    zipped.close()
  } finally {
    child.kill()
  }
}

async function cAsksJs() {
  const server = new grpc.Server()
  const method = (name) => ({ path: `/t.T/${name}`, requestStream: false, responseStream: false,
    requestSerialize: same, requestDeserialize: same, responseSerialize: same, responseDeserialize: same })
  const cancelled = []
  server.addService({ Echo: method('Echo'), Refuse: method('Refuse'), Hold: method('Hold'), Die: method('Die') }, {
    Echo: (c, done) => done(null, c.request),
    Refuse: (c, done) => done({ code: grpc.status.FAILED_PRECONDITION, details: REFUSAL }),
    Hold: (c) => cancelled.push(once(c, 'cancelled')),
    Die: () => server.forceShutdown(),
  })
  const port = await promisify(server.bindAsync.bind(server))('127.0.0.1:0', grpc.ServerCredentials.createInsecure())
  const ask = async (path, length, ms) => (await run(program, ['ask', port, path, length, ms].map(String))).stdout.trim()
  assert.equal(await ask('/t.T/Echo', 5, 3000), 'OK 5')
  assert.equal(await ask('/t.T/Echo', 0, 3000), 'OK 0')
  assert.equal(await ask('/t.T/Echo', 3 << 20, 5000), `OK ${3 << 20}`)
  assert.equal(await ask('/t.T/Refuse', 1, 3000), `FAILED_PRECONDITION 0 ${REFUSAL}`)
  assert.match(await ask('/t.T/None', 1, 3000), /^UNIMPLEMENTED 0 /)
  assert.match(await ask('/t.T/Hold', 1, 600), /^DEADLINE_EXCEEDED 0 /)
  assert.equal(cancelled.length, 1)
  await cancelled[0]
  assert.match(await ask('/t.T/Die', 1, 3000), /^(UNAVAILABLE|CANCELLED) 0 /)
  assert.match(await ask('/t.T/Echo', 1, 3000), /^UNAVAILABLE 0 gRPC 127\.0\.0\.1:/)
}

await jsAsksC()
await cAsksJs()
console.log('interop: all answers as expected')
process.exit(0)

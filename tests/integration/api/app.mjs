// app.mjs -- an application on the node's socket, in grpc-js and the .proto files: a stranger to our code
// app.mjs SOCKET UID CALL...   CALL: Method, Method=label or Method*times (at once).  Prints a line of JSON
// for each: the answer with bytes in hex, {code, details}, or for many the count of each code.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const require = createRequire(new URL('../../v1peer/package.json', import.meta.url))
const grpc = require('@grpc/grpc-js')
const loader = require('@grpc/proto-loader')
const load = (name) => grpc.loadPackageDefinition(loader.loadSync(
  fileURLToPath(new URL(`../../../proto/${name}.proto`, import.meta.url)),
  { keepCase: true, longs: Number, defaults: true })).attestmesh
const [socket, uid, ...calls] = process.argv.slice(2)
const { Agent } = load('agent').agent.v1
const { Keys } = load('keys').keys.v1

process.setgroups([])
process.setuid(Number(uid)) // before the first connection; the group stays, as the socket wants it
const target = [`unix:${socket}`, grpc.credentials.createInsecure(), { 'grpc.max_send_message_length': -1 }]
const agent = new Agent(...target)
const keys = new Keys(...target)
const options = () => ({ deadline: Date.now() + 10000 })
const hex = (key, value) => value?.type === 'Buffer' ? Buffer.from(value.data).toString('hex') : value

const one = (method, label) => new Promise((resolve) => {
  const done = (err, answer) => resolve(err ? { code: err.code, details: err.details } : answer)
  if (method === 'DeriveKey') keys.DeriveKey({ label: label ?? 'a label' }, options(), done)
  else if (method === 'Huge') keys.DeriveKey({ label: 'x'.repeat(5 << 20) }, options(), done)
  else if (method === 'NoSuch')
    agent.makeUnaryRequest('/attestmesh.agent.v1.Agent/Nothing', (b) => b, (b) => b, Buffer.alloc(0), options(), done)
  else if (method.startsWith('Subscribe')) agent[method]({}, options()).on('error', done).on('data', (d) => done(null, d))
  else if (method === 'SendMessage') agent.SendMessage({ recipient_member_id: Buffer.alloc(32), payload: Buffer.from('hi') }, options(), done)
  else agent[method]({}, options(), done)
})

for (const call of calls) {
  const [, method, label, times] = /^(\w+)(?:=(.*)|\*(\d+))?$/s.exec(call)
  const text = label?.replaceAll('\\0', '\0')
  if (times === undefined) {
    console.log(JSON.stringify(await one(method, text), hex))
    continue
  }
  const count = {}
  for (const answer of await Promise.all(Array.from({ length: Number(times) }, () => one(method))))
    count[answer.code ?? 0] = (count[answer.code ?? 0] ?? 0) + 1
  console.log(JSON.stringify(count))
}
process.exit(0)

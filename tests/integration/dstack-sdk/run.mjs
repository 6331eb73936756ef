// run.mjs -- the real dstack SDK asks the guest-agent simulator and must get upstream's bytes.
// Usage: node run.mjs <path of guest-agent>
// SPDX-License-Identifier: Apache-2.0
import { DstackClient } from '@phala/dstack-sdk';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Keys of the upstream simulator, dstack page 2.2; answers, page 7, V-A.
const fixture = {
  appId: '5bb4ff9a3837357f19dc176407a5709c62eb6c56',
  instanceId: '1691ed1b47506cad7d08834668691d88246f5b1f',
  key: 'd6e88992cdeeee35fe70b5db61ab66cdb191fb9b6ec9313757ef162dd7214d5d',
  chain1: '9e618603e72d01fedb82deff6daf2d62a572becf0059eec3f89c1ab40e1f2e59' +
    '4d2a283f843f34e8f39e4cc49a612496ce67223a12ac923f8efe330346dfc6c500',
  compose: 'c143116fef3940e7f776bfc0919c256232ae5338a6e948c96b711e0b2383483a',
};
const vectors = [
  ['/test/path', 'test-purpose', undefined,
    'b9fbb7171185c421c58610a2acba8ceae93623ae47815618cbad1e98fc042cb7',
    'f50c51735a97072f0c98125ed61fc84e2fdb36e95990b9e57337dadc0e2a9712227f04e07209faecb8891d59ec144a6c13e411dc90b3423f28071bd3fe11978d01'],
  ['/', 'test', 'ed25519',
    'f6c1ed94488394d78e0a4e5ab75d62e9f085d73b0b555d0614fb90ca13d9464d',
    '7752352aa2ad8b337a3845661073fb42ef1b1d3313d8ce0b8976ccc21505e0c62e79eb7aaf9b51768b0f9762e62098710ce4e8cabd450670b2fb0040e8551cb300'],
  ['', '', undefined,
    'aa221ae548b5a8f52fcb8687cfd873712f6a1232b2717e5ee3d58ab74f21905b',
    '64ce2f1b381d04f7404fda78bdc942c314d89b7069d97eea1897e51b249dd3b1700995cbf7efe7ff04195dd6e31f153b702eeeeaffc5941510739dc39b9bd9cf01'],
  ['test/wallet', 'ethereum', undefined,
    '143a1b5adb60fb8a1b39c908d98bdecf11e748f79034e09a4af94712baa93cd5',
    '4cd82bd2cbee0deb95b128a91a4b09fb0868a6a681f1e36ee0273e127fcf9b001f2f6609ff26dbbdd2db3e412fd6f7a756db067cec4cfa81409adf369778331700'],
  ['vms', 'signing', 'secp256k1',
    '1091a4d6721f6a719ca57320e4975f7e237649131111ee1c5032f661dc1cfef2',
    '51ec279eb0da3fb45335c2fd6badaf701905bf35f229912976c4ae3c9d649cf97f964473f2dce7118743bad84a6df707d11c9b5f0b38379204e14fd2c7baddba01'],
  ['vms', 'signing', 'ed25519',
    '1091a4d6721f6a719ca57320e4975f7e237649131111ee1c5032f661dc1cfef2',
    'd61ff204728dae76ba4e29313003433d533d069f9c98ebb3382104145f1c664c59fac4326a86420ec3f450303d3a675d595f546448076a464343bcc25143c4a300'],
];
const hex = (bytes) => Buffer.from(bytes).toString('hex');

const checks = {
  async 'is reachable and says its version'(client) {
    assert.equal(await client.isReachable(), true);
    assert.equal((await client.version()).version, '0.5.11');
  },
  async 'gives the keys and chains of V-A'(client) {
    for (const [path, purpose, algorithm, key, chain0] of vectors) {
      const got = await client.getKey(path, purpose, algorithm);
      assert.equal(hex(got.key), key, path);
      assert.deepEqual(got.signature_chain.map(hex), [chain0, fixture.chain1], path);
    }
  },
  async 'tells who it is'(client) {
    const info = await client.info();
    assert.equal(info.app_id, fixture.appId);
    assert.equal(info.instance_id, fixture.instanceId);
    assert.equal(info.compose_hash, fixture.compose);
    assert.equal(info.tcb_info.compose_hash, fixture.compose);
    assert.equal(info.tcb_info.event_log.length, 9);
  },
  async 'quotes the report data, and its event log replays'(client) {
    const quote = await client.getQuote('attestmesh');
    const bytes = Buffer.from(quote.quote, 'hex');
    assert.equal(bytes.length, 5010);
    assert.equal(hex(bytes.subarray(568, 632)), Buffer.from('attestmesh').toString('hex').padEnd(128, '0'));
    assert.equal(quote.replayRtmrs()[3], hex(bytes.subarray(520, 568)));
  },
  async 'answers many at once'(client) {
    const keys = await Promise.all(Array.from({ length: 20 }, () => client.getKey('vms', 'signing')));
    assert.equal(new Set(keys.map((k) => hex(k.key))).size, 1);
  },
};

const dir = mkdtempSync(join(tmpdir(), 'am-sdk-'));
const socket = join(dir, 'dstack.sock');
const agent = spawn(process.argv[2], ['--socket', socket, '--app-id', fixture.appId, '--instance-id',
  fixture.instanceId, '--k256-key', fixture.key, '--k256-signature', fixture.chain1], { stdio: 'inherit' });
let failed = 0;
try {
  for (const end = Date.now() + 5000; !existsSync(socket);) {
    assert.ok(Date.now() < end && agent.exitCode === null, 'the simulator did not start');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (const [name, check] of Object.entries(checks)) {
    let timer;
    const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error('10 s passed')), 10000); });
    try {
      await Promise.race([check(new DstackClient(socket)), late]);
      console.log(`ok   ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAIL ${name}: ${error.stack}`);
    } finally {
      clearTimeout(timer);
    }
  }
} finally {
  agent.kill();
  rmSync(dir, { recursive: true, force: true });
}
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

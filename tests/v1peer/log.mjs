// log.mjs -- one JSON line per step on stderr; nothing secret is ever handed to it
export function log(step, fields = {}) {
  process.stderr.write(JSON.stringify({ ts: new Date().toISOString(), step, ...fields }) + '\n')
}

// The message only: stacks and causes may carry URLs with credentials in them.
export const reason = (e) => e?.shortMessage ?? e?.details ?? e?.message ?? String(e)

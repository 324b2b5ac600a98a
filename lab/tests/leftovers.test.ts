import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { clean, own, prefix } from '../leftovers.mjs'

const code = join(import.meta.dirname, '../leftovers.mjs')

test('folders of dead owners go, those of living owners and of strangers stay', async () => {
  const where = mkdtempSync(join(tmpdir(), 'tendril-leftovers-'))
  onTestFinished(() => rmSync(where, { recursive: true }))
  const [mine, theirs, strange] = [`${prefix}mine`, `${prefix}theirs`, 'strange'].map((name) => join(where, name)) as [string, string, string]
  for (const folder of [mine, theirs, strange]) mkdirSync(folder)
  own(mine)
  const script = `import { own } from ${JSON.stringify(code)}; for (const folder of process.argv.slice(1)) own(folder); console.log('owned'); setInterval(() => {}, 1000)`
  const other = spawn(process.execPath, ['--input-type=module', '-e', script, theirs, strange])
  await once(other.stdout, 'data')
  expect(clean(where)).toBe(0)

  other.kill('SIGKILL')
  await once(other, 'exit')
  expect(clean(where)).toBe(1)
  expect([mine, theirs, strange].map((folder) => existsSync(folder))).toEqual([true, false, true])
})

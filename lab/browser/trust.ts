import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Makes an NSS certificate store in a folder that trusts the authority in the PEM file. */
export async function trust(folder: string, ca: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  await run('certutil', ['-d', `sql:${folder}`, '-N', '--empty-password'])
  await run('certutil', ['-d', `sql:${folder}`, '-A', '-n', 'The lab', '-t', 'C,,', '-i', ca])
}

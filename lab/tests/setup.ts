import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { Namespaces, NotPermitted } from '../ground/namespaces.ts'
import type { Prepared } from '../lab.ts'
import { clean, prefix } from '../leftovers.mjs'

declare module 'vitest' {
  interface ProvidedContext {
    prepared: Prepared
  }
}

/** Builds the program that is tested, and finds out what the labs can stand on. */
export default async function setup(project: TestProject): Promise<() => void> {
  clean()
  const folder = mkdtempSync(join(tmpdir(), 'tendril-binary-'))
  const binary = process.env['TENDRIL'] || join(folder, 'tendril')
  if (!process.env['TENDRIL']) {
    execFileSync(process.env['GO'] ?? 'go', ['build', '-o', binary, './cmd/tendril'], { cwd: join(import.meta.dirname, '../..'), stdio: 'inherit' })
  }
  const firmware = process.env['TENDRIL_FIRMWARE']
  project.provide('prepared', { binary, device: firmware ? [firmware] : [binary, 'device', 'run'], ground: await ground() })
  return () => rmSync(folder, { recursive: true, force: true })
}

async function ground(): Promise<Prepared['ground']> {
  const wanted = process.env['LAB']
  if (wanted === 'loopback') return told('as LAB=loopback says')
  const folder = mkdtempSync(join(tmpdir(), prefix))
  try {
    await (await Namespaces.start(folder)).stop()
    return 'namespaces'
  } catch (error) {
    // Whatever else goes wrong is a fault of the lab.
    if (wanted === 'namespaces' || !(error instanceof NotPermitted)) throw error
    return told(`because network namespaces can't be made here: ${error.message}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function told(why: string): 'loopback' {
  console.warn(`
The lab is on loopback, ${why}.
What that leaves out: addresses as in life (the portal is a port of 127.0.0.1, the cloud is localhost), DHCP and DNS,
connectivity probes, the counting of whom a phone talks to, mobile data beside a setup network.
`)
  return 'loopback'
}

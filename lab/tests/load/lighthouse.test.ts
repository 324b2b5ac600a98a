import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import lighthouse from 'lighthouse'
import { expect, onTestFinished } from 'vitest'
import { freePort } from '../../ground/loopback.ts'
import type { Phone } from '../../phone.ts'
import { wizardOf } from '../customer.ts'
import { test } from '../start.ts'

const least = 0.95

/** A port of this machine that leads to one on the phone's loopback. */
async function forward(phone: Phone, port: number): Promise<number> {
  const server = createServer((client) => {
    phone.ground.connect('127.0.0.1', port).then(
      (onward) => {
        client.pipe(onward).pipe(client)
        for (const [one, other] of [[client, onward], [onward, client]] as const) one.on('error', () => other.destroy()).on('close', () => other.destroy())
      },
      () => client.destroy(),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

test('Lighthouse: performance, accessibility and best practices', { timeout: 180_000 }, async ({ startLab }) => {
  const lab = await startLab()
  const debuggingPort = await freePort()
  const phone = await lab.phone('chromium', { debuggingPort })
  const port = await forward(phone, debuggingPort)
  for (const url of [wizardOf(lab), `${lab.cloud.url}/`]) {
    const run = await lighthouse(url, { port, output: 'json', logLevel: 'silent', onlyCategories: ['performance', 'accessibility', 'best-practices'] })
    const { categories, audits } = run!.lhr
    const scores = Object.fromEntries(Object.entries(categories).map(([id, { score }]) => [id, score ?? 0]))
    const short = Object.values(audits).filter(({ score, scoreDisplayMode }) => score !== null && score < 0.9 && scoreDisplayMode !== 'informative').map(({ id, displayValue }) => `${id} ${displayValue ?? ''}`)
    console.log(`${url}: ${JSON.stringify(scores)}; short of full: ${short.join(', ')}`)
    for (const [category, score] of Object.entries(scores)) expect(score, `${url} ${category}: ${short.join(', ')}`).toBeGreaterThanOrEqual(least)
  }
})

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { expect, onTestFinished } from 'vitest'
import { encodingsOf, findSecret } from '../search.ts'
import { test } from './start.ts'

const secret = 'Käse & "Brot" 42/+='

test.for<[string, string | Buffer]>([
  ['as it is', `before ${secret} after`],
  ['UTF-16', Buffer.from(`x${secret}`, 'utf16le')],
  ['UTF-16', Buffer.from(secret, 'utf16le').swap16()],
  ['Latin-1', Buffer.from(secret, 'latin1')],
  ['percent-encoded', `#pass=${encodeURIComponent(secret)}`],
  ['percent-encoded', String(new URLSearchParams({ pass: secret }))],
  ['JSON', JSON.stringify({ secret })],
  ['HTML', 'value="Käse &amp; &quot;Brot&quot; 42/+="'],
  ['hexadecimal', Buffer.from(secret).toString('hex')],
  ['base64', Buffer.from(secret).toString('base64')],
  ['base64', Buffer.from(`{"pass":${secret}}`).toString('base64url')],
  ['base64', Buffer.from(`{"ss":${secret}}`).toString('base64')],
  ['gzip, as it is', Buffer.concat([Buffer.from('head'), gzipSync(`a ${secret} b`)])],
  ['zlib, as it is', deflateSync(secret)],
  ['Brotli, as it is', brotliCompressSync(secret)],
])('a secret is found %s', ([encoding, text]) => {
  expect(encodingsOf(Buffer.from(text), secret)).toContain(encoding)
})

test('what is no secret is not found', () => {
  expect(encodingsOf(Buffer.from('Käse und "Brot" 42/+='), secret)).toEqual([])
  expect(() => encodingsOf(Buffer.from(''), 'short')).toThrow('by chance')
})

test('files of a folder are searched, and told by name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tendril-search-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'a'), 'nothing')
  writeFileSync(join(folder, 'b'), secret)
  expect(findSecret(folder, secret)).toEqual(['b (as it is)'])
})

const places = {
  'a fragment in the history': (s: string) => `location.hash = '${s}'`,
  'a fragment that is replaced': (s: string) => `(location.hash = '${s}', history.replaceState(null, '', '/'))`,
  localStorage: (s: string) => `localStorage.setItem('pass', '${s}')`,
  'a cookie': (s: string) => `document.cookie = 'pass=${s}; max-age=9999; secure'`,
  'the cache': (s: string) => `caches.open('c').then((c) => c.put('/x', new Response('${s}')))`,
  IndexedDB: (s: string) => `new Promise((done) => {
    const open = indexedDB.open('d')
    open.onupgradeneeded = () => open.result.createObjectStore('s')
    open.onsuccess = () => {
      const change = open.result.transaction('s', 'readwrite')
      change.objectStore('s').put({ pass: '${s}' }, 1)
      change.oncomplete = () => { open.result.close(); done() }
    }
  })`,
}

test.for(['chromium', 'firefox'] as const)('what %s keeps on disk is found', async (kind, { startLab }) => {
  const lab = await startLab()
  const phone = await lab.phone(kind)
  const tab = await phone.tab()
  await tab.go(`${lab.cloud.url}/openapi.json`)
  const planted = new Map<string, string>()
  for (const [place, plant] of Object.entries(places)) {
    const secret = `secret${Math.random().toString(36).slice(2)}${Math.random().toString(36).slice(2)}`
    planted.set(place, secret)
    await tab.evaluate(`Promise.resolve(${plant(secret)}).then(() => null)`)
  }
  const { profile } = phone.browser
  await phone.close()
  for (const [place, secret] of planted) expect(findSecret(profile!, secret), place).not.toEqual([])
})

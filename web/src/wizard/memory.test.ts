import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { browserMemory, type SetupRecord } from './memory.ts'
import { platformOf } from './platform.ts'

const record: SetupRecord = {
  account: 'anna', key: 'k', timeZone: 'Europe/Berlin', movesDevice: null, unit: 'AA:BB', stage: 'handed_over', accepted: true, errorBefore: 0, failed: 0, unwanted: null,
  attempt: { id: 'a', token: 't', code: 'c', expiresAt: 1, server: { host: 'h', port: 80, tls_port: 443 } },
  choice: { name: 'Home', ssidHex: null, hidden: false, open: false, address: null }, reports: [{ step: 'portal_found' }],
}

/** A browser's storage, which may be full or forbidden. */
class Storage {
  readonly kept = new Map<string, string>()
  full = false
  forbidden = false

  getItem(key: string): string | null {
    if (this.forbidden) throw new Error('SecurityError')
    return this.kept.get(key) ?? null
  }
  setItem(key: string, value: string): void {
    if (this.forbidden || this.full) throw new Error('QuotaExceededError')
    this.kept.set(key, value)
  }
  removeItem(key: string): void {
    if (this.forbidden) throw new Error('SecurityError')
    this.kept.delete(key)
  }
}

let storage: Storage

beforeEach(() => {
  storage = new Storage()
  vi.stubGlobal('localStorage', storage)
})

afterEach(() => {
  browserMemory('TMPL1').save(null)
  vi.unstubAllGlobals()
})

describe('what is remembered', () => {
  test('outlives the page, a record a product', () => {
    browserMemory('TMPL1').save(record)
    expect(browserMemory('TMPL1').load()).toEqual(record)
    expect(browserMemory('TMPL2').load()).toBeNull()
    expect(browserMemory('TMPL1').lasts()).toBe(true)
    browserMemory('TMPL1').save(null)
    expect(storage.kept.size).toBe(0)
  })

  test.each(['full', 'forbidden'] as const)('lasts as long as the page where storage is %s', (how) => {
    storage[how] = true
    const memory = browserMemory('TMPL1')
    memory.save(record)
    expect(memory.load()).toEqual(record)
    expect(memory.lasts()).toBe(false)
    memory.save(null)
    expect(memory.load()).toBeNull()
  })

  test('is the newest, where storage filled up meanwhile', () => {
    const memory = browserMemory('TMPL1')
    memory.save(record)
    storage.full = true
    memory.save({ ...record, unit: 'CC:DD' })
    expect(memory.load()?.unit).toBe('CC:DD')
    storage.full = false
    memory.save({ ...record, unit: 'EE:FF' })
    expect(browserMemory('TMPL1').load()?.unit).toBe('EE:FF')
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['no JSON', '{'],
    ['a list', []],
    ['an attempt without a server', { ...record, attempt: { ...record.attempt, server: undefined } }],
    ['a time that is a text', { ...record, attempt: { ...record.attempt, expiresAt: '2030' } }],
    ['a stage of the future', { ...record, stage: 'sealed' }],
    ['half a choice', { ...record, choice: { name: 'Home' } }],
    ['half an address', { ...record, choice: { ...record.choice, address: { ip: '1' } } }],
    ['reports that are none', { ...record, reports: [1] }],
    ['no key', { ...record, key: undefined }],
  ])('is no record if it is %s', (_, kept) => {
    if (kept !== undefined) storage.kept.set('tendril.wizard.TMPL1', typeof kept === 'string' ? kept : JSON.stringify(kept))
    expect(browserMemory('TMPL1').load()).toBeNull()
  })
})

test.each([
  ['ios', 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15', 5],
  ['ios', 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15', 5],
  ['macos', 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15', 0],
  ['android', 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36', 5],
  ['windows', 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36', 10],
  ['linux', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101', 0],
  ['linux', 'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36', 10],
  ['android', 'something new', 5],
])('%s is told by %s', (platform, userAgent, maxTouchPoints) => {
  expect(platformOf({ userAgent, maxTouchPoints })).toBe(platform)
})

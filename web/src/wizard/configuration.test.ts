import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { flawOf, parametersOf, sameNetwork, type Choice, type StaticAddress } from './configuration.ts'
import { edgentLink } from './edgent.ts'
import { utf8Length } from './parse.ts'
import { wifiCode } from './wifi.ts'

interface Vector {
  name: string
  query?: string
  refused?: string
  ssid_hex?: string
}

const vectors = JSON.parse(readFileSync(new URL('../../../protocol/testdata/portal.json', import.meta.url), 'utf8')) as Vector[]
const server = { host: 'cloud.example', port: 80, tls_port: 443 }
const home: Choice = { name: 'Home', ssidHex: null, hidden: false, open: false, address: null }
const plan: StaticAddress = { ip: '192.168.1.9', mask: '255.255.255.0', gw: '192.168.1.1', dns: '', dns2: '' }

describe('what devices take and refuse is taken and refused here', () => {
  // What a person can say: the network, its password, an address; all of it text.
  const ours = vectors.flatMap(({ name, query, refused, ssid_hex }) => {
    if (query === undefined || (refused && !['ssid', 'pass', 'ip', 'mask', 'gw'].includes(refused))) return []
    const given = new URLSearchParams(query)
    const ssid = given.get('ssidManual') || given.get('ssid') || ''
    if (ssid.includes('\uFFFD') || /\0/.test(query) || query.includes('%00') || given.has('ssid_hex') || given.has('pass_hex')) return []
    const pass = given.get('pass') ?? ''
    const address = given.get('ip') && given.get('ip') !== '0.0.0.0' ? { ...plan, ip: given.get('ip')!, mask: given.get('mask') ?? '', gw: given.get('gw') ?? '' } : null
    return [{ name, choice: { ...home, name: ssid, open: pass === '', address }, pass, refused, ssid_hex }]
  })

  test('and there are such', () => {
    expect(ours.filter(({ refused }) => refused).length).toBeGreaterThan(3)
    expect(ours.filter(({ refused }) => !refused).length).toBeGreaterThan(5)
  })

  test.each(ours)('$name', ({ choice, pass, refused, ssid_hex }) => {
    const fields = { ssid_missing: 'ssid', ssid_long: 'ssid', password_missing: 'pass', password_length: 'pass', ip_unfit: 'ip', mask_unfit: 'mask', gateway_unfit: 'gw', dns_unfit: 'dns' }
    const flaw = flawOf(choice, pass)
    expect(flaw && fields[flaw]).toBe(refused ?? null)
    if (!refused) expect(Buffer.from(parametersOf(choice, pass, 'token', server).ssid ?? '').toString('hex')).toBe(ssid_hex)
  })
})

describe('a flaw', () => {
  test.each<[string, Partial<Choice>, string, string | null]>([
    ['WPA', {}, '12345678', null],
    ['a short one of WEP', {}, '12345', null],
    ['63 bytes', {}, 'x'.repeat(63), null],
    ['64 digits, which are no passphrase', {}, 'a'.repeat(64), 'password_length'],
    ['six characters', {}, '123456', 'password_length'],
    ['bytes count, not characters', {}, 'ä'.repeat(32), 'password_length'],
    ['none', {}, '', 'password_missing'],
    ['none, and none is wanted', { open: true }, '', null],
    ['none of a hidden network, which may want none', { hidden: true }, '', null],
    ['no name', { name: '' }, '12345678', 'ssid_missing'],
    ['a name by bytes', { name: '\uFFFD', ssidHex: 'ff' }, '12345678', null],
    ['a name of 32 bytes', { name: 'é'.repeat(16) }, '12345678', null],
    ['a name of 33 bytes', { name: 'é'.repeat(16) + 'x' }, '12345678', 'ssid_long'],
  ])('of %s', (_, choice, password, flaw) => {
    expect(flawOf({ ...home, ...choice }, password)).toBe(flaw)
  })

  test.each<[Partial<StaticAddress>, string | null]>([
    [{}, null],
    [{ ip: ' 192.168.1.9 ' }, null],
    [{ ip: '' }, 'ip_unfit'],
    [{ ip: '192.168.1' }, 'ip_unfit'],
    [{ ip: '192.168.1.256' }, 'ip_unfit'],
    [{ ip: '192.168.01.9' }, 'ip_unfit'],
    [{ ip: '0.0.0.0' }, 'ip_unfit'],
    [{ ip: '192.168.1.9.1' }, 'ip_unfit'],
    [{ ip: 'fe80::1' }, 'ip_unfit'],
    [{ mask: '' }, 'mask_unfit'],
    [{ mask: '255.0.255.0' }, 'mask_unfit'],
    [{ mask: '0.0.0.0' }, 'mask_unfit'],
    [{ mask: '255.255.255.1' }, 'mask_unfit'],
    [{ mask: '255.255.252.0', gw: '192.168.3.1' }, null],
    [{ gw: '192.168.2.1' }, 'gateway_unfit'],
    [{ gw: '192.168.1.9' }, 'gateway_unfit'],
    [{ gw: '' }, 'gateway_unfit'],
    [{ dns: '9.9.9.9', dns2: '1.1.1.1' }, null],
    [{ dns: 'dns.example' }, 'dns_unfit'],
    [{ dns2: '1.1.1' }, 'dns_unfit'],
  ])('of an address with %o is %s', (change, flaw) => {
    expect(flawOf({ ...home, address: { ...plan, ...change } }, '12345678')).toBe(flaw)
  })

  test('masks are ones and then zeros, all thirty-two of them', () => {
    for (let ones = 1; ones <= 32; ones++) {
      const mask = (2 ** 32 - 2 ** (32 - ones)) >>> 0
      const dotted = [24, 16, 8, 0].map((shift) => (mask >>> shift) & 255).join('.')
      const flaw = flawOf({ ...home, address: { ...plan, mask: dotted } }, '12345678')
      expect(flaw, dotted).toBe(ones <= 28 ? null : 'gateway_unfit')
    }
  })
})

describe('parameters', () => {
  test('are those of the safe request that every generation of devices understands', () => {
    expect(parametersOf(home, '12345678', 'token', server)).toEqual({ if: 'wifi', ssid: 'Home', pass: '12345678', blynk: 'token', host: 'cloud.example', port: '80', port_ssl: '443' })
  })

  test('name hidden networks, bytes and addresses', () => {
    expect(parametersOf({ ...home, hidden: true }, '12345678', 'token', server)).toMatchObject({ ssid: 'Home', ssidManual: 'Home' })
    expect(parametersOf({ ...home, ssidHex: 'ff', name: '\uFFFD' }, '12345678', 'token', server)).toMatchObject({ ssid_hex: 'ff' })
    expect(parametersOf({ ...home, address: { ...plan, ip: ' 192.168.1.9' } }, '12345678', 'token', server)).toMatchObject({ ip: '192.168.1.9', mask: '255.255.255.0', gw: '192.168.1.1' })
    expect(parametersOf({ ...home, open: true }, 'left from before', 'token', server).pass).toBe('')
  })

  test('survive the way to a device of Edgent, whatever they are made of', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'))
    fc.assert(fc.property(text, text, (name, pass) => {
      const link = new URL(edgentLink('http://192.168.4.1', parametersOf({ ...home, name }, pass, 'token', server)))
      expect(link.pathname).toBe('/config')
      expect(link.search).not.toContain('+')
      const parts = link.search.slice(1).split('&').map((part) => part.split('=').map(decodeURIComponent))
      expect(Object.fromEntries(parts)).toMatchObject({ if: 'wifi', ssid: name, pass, blynk: 'token' })
    }))
  })
})

test('networks are told apart by their bytes', () => {
  expect(sameNetwork({ name: 'a', ssidHex: null }, { name: 'a', ssidHex: null })).toBe(true)
  expect(sameNetwork({ name: '\uFFFD', ssidHex: 'ff' }, { name: '\uFFFD', ssidHex: 'fe' })).toBe(false)
})

describe('the code that joins the setup network', () => {
  /** Reads as phones do. */
  const read = (code: string) =>
    Object.fromEntries([...code.slice('WIFI:'.length).matchAll(/([TSPH]):((?:\\.|[^\\;])*);/gu)].map(([, key, value]) => [key, value!.replace(/\\(.)/gsu, '$1')]))
  const names = (JSON.parse(readFileSync(new URL('../../../protocol/testdata/ssid.json', import.meta.url), 'utf8')) as { names: { ssid: string }[] }).names.map(({ ssid }) => ssid)

  test.each([...names, 'a;b', 'a\\', '";:,\\', 'T:WPA;'])('reads as %s', (ssid) => {
    expect(read(wifiCode({ ssid, password: '' }))).toEqual({ T: 'nopass', S: ssid })
    expect(read(wifiCode({ ssid, password: ssid + ';', hidden: true }))).toEqual({ T: 'WPA', S: ssid, P: ssid + ';', H: 'true' })
  })

  test('ends as it must', () => {
    expect(wifiCode({ ssid: 'Blynk myPlant', password: '' })).toBe('WIFI:T:nopass;S:Blynk myPlant;;')
    expect(utf8Length(wifiCode({ ssid: 'é'.repeat(16), password: '' }))).toBeLessThan(60)
  })
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { barsOf, boardInfoOf, maxAnswer, networksOf, parseBoardInfo, parseNetworks, parseResult, unitOf, utf8Length } from './parse.ts'

const info = {
  board: 'ESP8266', tmpl_id: 'TMPLabcdefgh', fw_type: 'TMPLabcdefgh', fw_ver: '0.1.0', vendor: 'Blynk', name: 'myPlant', ssid: 'Blynk myPlant',
  bssid: '02:00:00:00:00:01', mac: '5c:cf:7f:01:02:03', last_error: 722, wifi_scan: true, static_ip: true, configured: false, short_code: true,
}

describe('board info', () => {
  test('is read as far as it matters', () => {
    expect(parseBoardInfo(JSON.stringify(info))).toEqual({
      templateId: 'TMPLabcdefgh', name: 'myPlant', vendor: 'Blynk', ssid: 'Blynk myPlant', mac: '5C:CF:7F:01:02:03', lastError: 722, scans: true, staticAddress: true, code: true,
    })
  })

  test.each<[string, unknown]>([
    ['a hotel’s page', '<!doctype html><title>Welcome</title>'],
    ['nothing', ''],
    ['a list', '[]'],
    ['null', 'null'],
    ['something else’s answer', '{"status":"ok"}'],
    ['no template', JSON.stringify({ ...info, tmpl_id: '' })],
    ['a template that is none', JSON.stringify({ ...info, tmpl_id: 'plant' })],
    ['a number for a template', JSON.stringify({ ...info, tmpl_id: 7 })],
    ['too much', JSON.stringify({ ...info, name: 'x'.repeat(maxAnswer) })],
  ])('is not %s', (_, raw) => {
    expect(parseBoardInfo(raw as string)).toBeNull()
  })

  test.each([['a text', '722'], ['below zero', -1], ['beyond every code', 1000], ['broken', 7.5], ['endless', Infinity], ['missing', undefined]])('with an error that is %s has none', (_, last_error) => {
    expect(boardInfoOf({ ...info, last_error })?.lastError).toBe(0)
  })

  test('of Edgent 2026 has its MAC among its interfaces', () => {
    const { mac, ...rest } = info
    expect(boardInfoOf({ ...rest, ifs: [{ name: 'eth', mac: '11' }, { name: 'wifi', mac: '5c:cf' }] })?.mac).toBe('5C:CF')
    expect(boardInfoOf({ ...rest, ifs: [null, 3, { name: 'wifi' }] })?.mac).toBe('')
    expect(mac).toBe('5c:cf:7f:01:02:03')
  })

  test('tells units by MAC, else by network', () => {
    expect(unitOf(boardInfoOf(info)!)).toBe('5C:CF:7F:01:02:03')
    expect(unitOf(boardInfoOf({ ...info, mac: '' })!)).toBe('Blynk myPlant')
  })

  test('cuts long texts', () => {
    expect(boardInfoOf({ ...info, name: 'n'.repeat(500) })?.name).toHaveLength(64)
  })
})

describe('a scan', () => {
  test('is merged by name, strongest first, without the hidden', () => {
    expect(networksOf([
      { ssid: 'Home', rssi: -70, sec: 'WPA2', ch: 1 },
      { ssid: 'Café', rssi: -50, sec: 'OPEN' },
      { ssid: 'Home', rssi: -40, sec: 'WPA2', ch: 11 },
      { ssid: '', rssi: -30, sec: 'WPA2', hidden: true },
      { ssid: 'secret', rssi: -30, sec: 'WPA2', hidden: true },
    ])).toEqual([
      { name: 'Home', ssidHex: null, rssi: -40, open: false },
      { name: 'Café', ssidHex: null, rssi: -50, open: true },
    ])
  })

  test('keeps names that aren’t UTF-8 apart by their bytes', () => {
    const heard = networksOf([{ ssid: 'a\uFFFD', ssid_hex: '61ff', rssi: -50 }, { ssid: 'a\uFFFD', ssid_hex: '61FE', rssi: -60 }, { ssid: '', ssid_hex: '62ff', rssi: -70 }])
    expect(heard?.map(({ name, ssidHex }) => [name, ssidHex])).toEqual([['a\uFFFD', '61ff'], ['a\uFFFD', '61fe'], ['b\uFFFD', '62ff']])
  })

  test.each([
    ['a name of 33 bytes', { ssid: 'é'.repeat(16) + 'x', rssi: -50 }],
    ['no name', { rssi: -50 }],
    ['a number for a name', { ssid: 7 }],
    ['no network', null],
  ])('leaves out %s', (_, one) => {
    expect(networksOf([one, { ssid: 'Home', rssi: -50 }])).toHaveLength(1)
  })

  test('asks for a password where it isn’t certain that there is none', () => {
    expect(networksOf([{ ssid: 'a', rssi: -1 }, { ssid: 'b', rssi: -2, sec: 'none' }, { ssid: 'c', rssi: -3, sec: 'WPA2-EAP' }])?.map(({ open }) => open)).toEqual([false, true, false])
  })

  test.each(['{}', 'null', '"', '<html>', ''])('is not %s', (raw) => {
    expect(parseNetworks(raw)).toBeNull()
  })

  test('has no end of sixty-four', () => {
    expect(networksOf(Array.from({ length: 500 }, (_, i) => ({ ssid: `n${i}`, rssi: -50 })))).toHaveLength(64)
  })

  test.each([[0, 4], [-55, 4], [-56, 3], [-65, 3], [-66, 2], [-75, 2], [-76, 1], [-85, 1], [-86, 0], [-120, 0]])('at %i dBm shows %i bars', (rssi, bars) => {
    expect(barsOf(rssi)).toBe(bars)
  })
})

describe('the answer to a configuration', () => {
  test.each([
    ['{"status":"ok","msg":"Trying to connect..."}', 'ok'],
    ['{"status":"error","msg":"Configuration invalid","field":"pass"}', 'error'],
    // Only a page declines, or knows that nothing answered.
    ['{"status":"declined"}', null],
    ['{"status":"unanswered"}', null],
    ['{"status":"OK"}', null],
    ['ok', null],
    ['', null],
  ])('%s is %s', (raw, status) => {
    expect(parseResult(raw)?.status ?? null).toBe(status)
  })
})

/** Anything that JSON or a message can carry, often with members of ours. */
const anything = fc.oneof(
  fc.anything(),
  fc.record({ tmpl_id: fc.constantFrom('TMPLabcdefgh', 'x'), name: fc.anything(), ssid: fc.anything(), mac: fc.anything(), ifs: fc.anything(), last_error: fc.anything() }, { requiredKeys: [] }),
  fc.array(fc.record({ ssid: fc.oneof(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.anything()), ssid_hex: fc.oneof(fc.anything()), rssi: fc.oneof(fc.integer(), fc.double(), fc.anything()), sec: fc.anything() }, { requiredKeys: [] })),
)

test('nothing foreign breaks the reading, and what is read is bounded', () => {
  fc.assert(fc.property(anything, (value) => {
    const board = boardInfoOf(value)
    if (board) for (const text of [board.name, board.vendor, board.ssid, board.mac, board.templateId]) expect(text.length).toBeLessThanOrEqual(64)
    for (const { name, ssidHex, rssi } of networksOf(value) ?? []) {
      expect(name).not.toBe('')
      if (ssidHex === null) expect(utf8Length(name)).toBeLessThanOrEqual(32)
      else expect(ssidHex).toMatch(/^([0-9a-f]{2}){1,32}$/)
      expect(rssi).toBeLessThanOrEqual(0)
      expect(rssi).toBeGreaterThanOrEqual(-120)
    }
  }))
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (raw) => {
    for (const parse of [parseBoardInfo, parseNetworks, parseResult]) parse(raw)
  }))
})

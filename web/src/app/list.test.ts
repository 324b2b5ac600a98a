import { expect, test } from 'vitest'
import { glance, listDevices, type Listed } from './list.ts'

const device = (id: string, datastreams: NonNullable<Listed['datastreams']> = []): Listed => ({
  id, name: id, product_id: 'p', account_id: 'a', online: true, last_seen_at: null, time_zone: 'UTC', firmware: {}, meta: {}, created_at: '', datastreams,
})

/** A cloud with so many devices; it notes what it is asked. */
function cloud(count: number) {
  const asked: [number, string | null][] = []
  const page = (limit: number, cursor: string | null) => {
    asked.push([limit, cursor])
    const from = Number(cursor ?? 0)
    const to = Math.min(count, from + limit)
    return Promise.resolve({ items: Array.from({ length: to - from }, (_, i) => device(String(from + i))), next_cursor: to < count ? String(to) : null })
  }
  return { asked, page }
}

test.each([
  [0, 50, 0, false, [[50, null]]],
  [50, 50, 50, false, [[50, null]]],
  [51, 50, 50, true, [[50, null]]],
  [1000, 250, 250, true, [[200, null], [50, '200']]],
  [230, 400, 230, false, [[200, null], [200, '200']]],
])('of %d devices, %d wanted', async (count, wanted, got, more, asked) => {
  const { page, asked: heard } = cloud(count)
  const found = await listDevices(wanted, page)
  expect([found.items.length, found.more, heard]).toEqual([got, more, asked])
  expect(new Set(found.items.map(({ id }) => id)).size).toBe(got)
})

test('the list shows the first three values that there are', () => {
  const reading = (pin: string, value: string | number | null) => ({ pin, name: '', value, valid: true, updated_at: null })
  const streams = ['V0', 'V1', 'V2', 'V3', 'V4', 'V5'].map((pin) => ({ pin, name: `n${pin}`, type: pin === 'V3' ? ('string' as const) : ('double' as const) }))
  const shown = glance(device('a', [reading('V5', 5), reading('V0', 0), reading('V1', null), reading('V2', 2.5), reading('V3', ''), reading('V4', 4), reading('V9', 9)]), streams, 'en')
  expect(shown).toEqual([{ name: 'nV0', text: '0' }, { name: 'nV2', text: '2.5' }, { name: 'nV4', text: '4' }])
  const { datastreams: _, ...unasked } = device('a')
  expect(glance(unasked, streams, 'en')).toEqual([])
})

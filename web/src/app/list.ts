import type { components } from '../api/schema.d.ts'
import { formatValue, type Datastream } from './datastream.ts'

/** A device of the list, with its last values if they were asked for. */
export type Listed = components['schemas']['Device']

interface Page {
  items: Listed[]
  next_cursor: string | null
}

/** As many of the devices as are wanted, page by page, and whether there are more. */
export async function listDevices(wanted: number, page: (limit: number, cursor: string | null) => Promise<Page>): Promise<{ items: Listed[]; more: boolean }> {
  const items: Listed[] = []
  let cursor: string | null = null
  do {
    const got = await page(Math.min(200, wanted - items.length), cursor)
    items.push(...got.items)
    cursor = got.next_cursor
  } while (cursor !== null && items.length < wanted)
  return { items, more: cursor !== null }
}

/** How many values a device shows in the list. */
const shown = 3

/** The first values of a device, as the list shows them. */
export function glance(device: Listed, datastreams: readonly Datastream[], locale: string): { name: string; text: string }[] {
  const readings = new Map((device.datastreams ?? []).map((reading) => [reading.pin, reading.value]))
  return datastreams
    .flatMap((stream) => {
      const value = readings.get(stream.pin) ?? null
      return value === null || value === '' ? [] : [{ name: stream.name, text: formatValue(stream, value, locale) }]
    })
    .slice(0, shown)
}

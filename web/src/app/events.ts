import type { components } from '../api/schema.d.ts'

export type DeviceEvent = components['schemas']['Event']

// The events that the cloud itself writes and that have words of their own.
const known = new Set(['connection_contested', 'set_up', 'set_up_again'])

/** What the log says of an event: a text's key, with a moment that it names, or the device's own words. */
export function wordsOf(event: Pick<DeviceEvent, 'code' | 'description' | 'system'>): { key: string; since?: Date } | { text: string; code: string } {
  if (event.system && known.has(event.code)) return { key: `app.event.${event.code}` }
  if (event.system && event.code === 'was_offline') {
    const since = new Date(event.description)
    if (!Number.isNaN(since.getTime())) return { key: 'app.event.was_offline', since }
  }
  return event.description ? { text: event.description, code: event.code } : { text: event.code, code: '' }
}

/** Events by the day that they happened on, in the order that they came. */
export function byDay(events: readonly DeviceEvent[], dayOf: (at: Date) => string): { day: string; events: DeviceEvent[] }[] {
  const days: { day: string; events: DeviceEvent[] }[] = []
  for (const event of events) {
    const day = dayOf(new Date(event.at))
    const last = days.at(-1)
    if (last?.day === day) last.events.push(event)
    else days.push({ day, events: [event] })
  }
  return days
}

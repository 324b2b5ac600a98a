import { expect, test } from 'vitest'
import { byDay, wordsOf } from './events.ts'

test('the cloud’s events have words, a device’s are as it said them', () => {
  expect(wordsOf({ code: 'connection_contested', description: 'New connections…', system: true })).toEqual({ key: 'app.event.connection_contested' })
  expect(wordsOf({ code: 'connection_contested', description: 'Fooled you', system: false })).toEqual({ text: 'Fooled you', code: 'connection_contested' })
  expect(wordsOf({ code: 'set_up', description: '', system: true })).toEqual({ key: 'app.event.set_up' })
  expect(wordsOf({ code: 'was_offline', description: '2026-11-03T10:00:00Z', system: true })).toEqual({ key: 'app.event.was_offline', since: new Date('2026-11-03T10:00:00Z') })
  expect(wordsOf({ code: 'was_offline', description: 'long ago', system: true })).toEqual({ text: 'long ago', code: 'was_offline' })
  expect(wordsOf({ code: 'dry', description: 'Water me', system: false })).toEqual({ text: 'Water me', code: 'dry' })
  expect(wordsOf({ code: 'dry', description: '', system: false })).toEqual({ text: 'dry', code: '' })
  expect(wordsOf({ code: 'toString', description: 'New', system: true })).toEqual({ text: 'New', code: 'toString' })
})

test('events come under their days', () => {
  const event = (id: number, at: string) => ({ id, at, code: 'dry', description: '', system: false })
  const days = byDay([event(3, '2026-11-03T10:00:00Z'), event(2, '2026-11-03T09:00:00Z'), event(1, '2026-11-02T09:00:00Z')], (at) => at.toISOString().slice(0, 10))
  expect(days.map(({ day, events }) => [day, events.map(({ id }) => id)])).toEqual([['2026-11-03', [3, 2]], ['2026-11-02', [1]]])
})

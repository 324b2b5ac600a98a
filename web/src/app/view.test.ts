import { describe, expect, test } from 'vitest'
import type { Reading } from './datastream.ts'
import { begin, reduce, shownValue, undeclared, type Action, type View } from './view.ts'

const at = '2026-11-03T10:00:00Z'
const later = '2026-11-03T10:00:05Z'
const reading = (pin: string, value: Reading['value'], updated_at: string | null = at): Reading => ({ pin, name: pin === 'V1' ? 'pump' : '', value, valid: true, updated_at })
const start = begin({ online: true, last_seen_at: at }, [reading('V1', 'off')])
const play = (actions: Action[], from: View = start) => actions.reduce(reduce, from)
const said = { key: 'app.problem.unreachable', params: {} }

describe('writing', () => {
  const wrote: Action = { type: 'wrote', pin: 'V1', id: 1, value: 'on' }

  test('shows the value at once, and what was before when it is refused', () => {
    expect(shownValue(play([wrote]), 'V1')).toBe('on')
    const refused = play([wrote, { type: 'refused', pin: 'V1', id: 1, said }])
    expect(shownValue(refused, 'V1')).toBe('off')
    expect(refused.notes['V1']).toEqual({ kind: 'refused', said })
    expect(play([{ ...wrote, id: 2 }], refused).notes['V1']).toBeUndefined()
  })

  test('keeps the value when it is accepted', () => {
    const view = play([wrote, { type: 'accepted', pin: 'V1', id: 1, delivered: true, at: later }])
    expect(view.readings['V1']).toEqual(reading('V1', 'on', later))
    expect([view.pending, view.notes]).toEqual([{}, {}])
  })

  test('says that a value waits for a device that is offline, until it is back', () => {
    const view = play([wrote, { type: 'accepted', pin: 'V1', id: 1, delivered: false, at: later }])
    expect(view.notes['V1']).toEqual({ kind: 'kept' })
    expect(play([{ type: 'presence', presence: { online: false, at: later } }], view).notes['V1']).toEqual({ kind: 'kept' })
    expect(play([{ type: 'presence', presence: { online: true, at: later } }], view).notes).toEqual({})
    expect(play([{ type: 'snapshot', snapshot: { online: true, last_seen_at: later, datastreams: [] } }], view).notes).toEqual({})
  })

  test('does not undo what the device says in the meantime', () => {
    const view = play([wrote, { type: 'value', reading: reading('V1', 'off', later) }])
    expect(shownValue(view, 'V1')).toBe('on')
    expect(shownValue(play([{ type: 'accepted', pin: 'V1', id: 1, delivered: true, at: later }], view), 'V1')).toBe('off')
  })

  test('takes no answer for another writing', () => {
    const twice = play([wrote, { type: 'wrote', pin: 'V1', id: 2, value: 'off' }])
    expect(play([{ type: 'refused', pin: 'V1', id: 1, said }], twice)).toBe(twice)
    expect(play([{ type: 'accepted', pin: 'V1', id: 1, delivered: true, at }], twice)).toBe(twice)
    expect(play([{ type: 'accepted', pin: 'V9', id: 1, delivered: true, at }])).toBe(start)
  })

  test('to a pin that had no value gives it one', () => {
    const view = play([{ type: 'wrote', pin: 'V7', id: 1, value: 5 }, { type: 'accepted', pin: 'V7', id: 1, delivered: true, at }])
    expect(view.readings['V7']).toEqual(reading('V7', 5))
  })
})

test('a snapshot replaces what was known, also where it knows nothing', () => {
  const view = play([{ type: 'heard', heard: false }, { type: 'snapshot', snapshot: { online: false, last_seen_at: later, datastreams: null } }])
  expect(view).toEqual({ ...start, online: false, lastSeen: later, readings: {} })
})

test('presence tells since when', () => {
  const view = play([{ type: 'presence', presence: { online: false, at: later } }])
  expect([view.online, view.lastSeen]).toEqual([false, later])
})

test('a cloud that is still not heard changes nothing', () => {
  const deaf = play([{ type: 'heard', heard: false }])
  expect(deaf.heard).toBe(false)
  expect(play([{ type: 'heard', heard: false }], deaf)).toBe(deaf)
})

test('undeclared pins come in the order of their numbers', () => {
  const view = play(['V10', 'V2', 'V0'].map((pin) => ({ type: 'value', reading: reading(pin, 1) })))
  expect(undeclared(view, [{ pin: 'V1' }, { pin: 'V0' }]).map(({ pin }) => pin)).toEqual(['V2', 'V10'])
  expect(shownValue(view, 'V99')).toBeNull()
})

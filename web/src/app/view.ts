/** What a device's page shows, and how it changes: events of the cloud, and what the customer writes. */
import type { components } from '../api/schema.d.ts'
import type { Said } from '../account/problems.ts'
import type { Reading, Value, Written } from './datastream.ts'

export type Snapshot = components['schemas']['Snapshot']
export type Presence = components['schemas']['Presence']

/** A value that was written and that the cloud hasn't answered for. */
interface Pending {
  /** Tells this writing from a later one. */
  id: number
  value: Written
  /** Whether the cloud told of a value since. */
  overtaken: boolean
}

/** What is said beside a datastream: that a value waits for the device, or why one was refused. */
export type Note = { kind: 'kept' } | { kind: 'refused'; said: Said }

export interface View {
  online: boolean
  /** Since when it is offline: RFC 3339; null if it was never online. */
  lastSeen: string | null
  readings: Readonly<Record<string, Reading>>
  pending: Readonly<Record<string, Pending>>
  notes: Readonly<Record<string, Note>>
  /** Whether the cloud is heard; what is shown may be old if not. */
  heard: boolean
}

export type Action =
  | { type: 'snapshot'; snapshot: Snapshot }
  | { type: 'value'; reading: Reading }
  | { type: 'presence'; presence: Presence }
  | { type: 'heard'; heard: boolean }
  | { type: 'wrote'; pin: string; id: number; value: Written }
  | { type: 'accepted'; pin: string; id: number; delivered: boolean; at: string }
  | { type: 'refused'; pin: string; id: number; said: Said }

export function begin(device: { online: boolean; last_seen_at: string | null }, readings: readonly Reading[]): View {
  return { online: device.online, lastSeen: device.last_seen_at, readings: byPin(readings), pending: {}, notes: {}, heard: true }
}

function byPin(readings: readonly Reading[]): Record<string, Reading> {
  return Object.fromEntries(readings.map((reading) => [reading.pin, reading]))
}

function without<T>(record: Readonly<Record<string, T>>, pin: string): Record<string, T> {
  const { [pin]: _, ...rest } = record
  return rest
}

export function reduce(view: View, action: Action): View {
  switch (action.type) {
    case 'snapshot': {
      const { online, last_seen_at, datastreams } = action.snapshot
      return { ...view, heard: true, online, lastSeen: last_seen_at, readings: byPin(datastreams ?? []), notes: online ? arrived(view.notes) : view.notes }
    }
    case 'value': {
      const { pin } = action.reading
      const waiting = view.pending[pin]
      return {
        ...view,
        readings: { ...view.readings, [pin]: action.reading },
        pending: waiting ? { ...view.pending, [pin]: { ...waiting, overtaken: true } } : view.pending,
      }
    }
    case 'presence': {
      const { online, at } = action.presence
      return { ...view, online, lastSeen: at, notes: online ? arrived(view.notes) : view.notes }
    }
    case 'heard':
      return view.heard === action.heard ? view : { ...view, heard: action.heard }
    case 'wrote':
      return { ...view, pending: { ...view.pending, [action.pin]: { id: action.id, value: action.value, overtaken: false } }, notes: without(view.notes, action.pin) }
    case 'accepted': {
      const { pin, id, delivered, at } = action
      const waiting = view.pending[pin]
      if (waiting?.id !== id) return view
      const before = view.readings[pin]
      const reading: Reading = { pin, name: before?.name ?? '', value: waiting.value, valid: true, updated_at: at }
      return {
        ...view,
        // What the cloud told since is newer than what was written.
        readings: waiting.overtaken ? view.readings : { ...view.readings, [pin]: reading },
        pending: without(view.pending, pin),
        notes: delivered ? view.notes : { ...view.notes, [pin]: { kind: 'kept' } },
      }
    }
    case 'refused': {
      if (view.pending[action.pin]?.id !== action.id) return view
      return { ...view, pending: without(view.pending, action.pin), notes: { ...view.notes, [action.pin]: { kind: 'refused', said: action.said } } }
    }
  }
}

/** The notes without those of values that waited for the device to be back. */
function arrived(notes: View['notes']): View['notes'] {
  return Object.fromEntries(Object.entries(notes).filter(([, note]) => note.kind !== 'kept'))
}

/** The value to show: what was written, until the cloud says otherwise. */
export function shownValue(view: View, pin: string): Value {
  return view.pending[pin]?.value ?? view.readings[pin]?.value ?? null
}

/** The readings of pins that the product doesn't declare, by the pin's number. */
export function undeclared(view: View, declared: readonly { pin: string }[]): Reading[] {
  const known = new Set(declared.map(({ pin }) => pin))
  return Object.values(view.readings)
    .filter(({ pin }) => !known.has(pin))
    .sort((a, b) => a.pin.localeCompare(b.pin, 'en', { numeric: true }))
}

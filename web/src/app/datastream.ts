/** What a product's datastreams look like on a page, from their description alone. */
import type { components } from '../api/schema.d.ts'

export type Datastream = components['schemas']['Datastream']
export type Reading = components['schemas']['Reading']
export type Value = Reading['value']
/** What can be written. */
export type Written = components['schemas']['Write']['value']

export type Widget = 'gauge' | 'number' | 'switch' | 'choice' | 'text'

export function widgetOf(stream: Datastream): Widget {
  switch (stream.type ?? 'double') {
    case 'string':
      return 'text'
    case 'enum':
      return stream.labels?.length === 2 ? 'switch' : 'choice'
    default:
      if (stream.type === 'integer' && stream.min === 0 && stream.max === 1) return 'switch'
      return rangeOf(stream) ? 'gauge' : 'number'
  }
}

/** Both bounds of a number, if it has them. */
export function rangeOf({ min, max }: Pick<Datastream, 'min' | 'max'>): { min: number; max: number } | null {
  return min !== undefined && max !== undefined && min < max ? { min, max } : null
}

/** Whether its history is numbers over time; an enum's are its labels' places. */
export function isChartable(stream: Datastream): boolean {
  return stream.type !== 'string'
}

/** Whether its values jump from one to the next, with nothing between. */
export function isStepped(stream: Datastream): boolean {
  return stream.type === 'enum' || widgetOf(stream) === 'switch'
}

/** Whether a switch is on; an enum's second label is its "on". */
export function isOn(stream: Datastream, value: Value): boolean {
  return stream.type === 'enum' ? value !== null && value === stream.labels?.[1] : value === 1
}

/** What a switch writes. */
export function switched(stream: Datastream, on: boolean): Written {
  const place = on ? 1 : 0
  return stream.type === 'enum' ? (stream.labels?.[place] ?? place) : place
}

/** How far along its range a value is, 0 to 1. */
export function shareOf(stream: Datastream, value: number): number {
  const range = rangeOf(stream)
  if (!range) return 0
  return Math.min(1, Math.max(0, (value - range.min) / (range.max - range.min)))
}

/**
 * How many decimals a number is shown with: a thousandth of its range can be told
 * apart; without a range, a hundredth of the number or so.
 */
function decimals(stream: Datastream, value: number): number {
  if (stream.type === 'integer') return 0
  const range = rangeOf(stream)
  const size = range ? range.max - range.min : Math.abs(value) * 10
  return Math.min(3, Math.max(range ? 0 : 1, 3 - Math.ceil(Math.log10(size))))
}

/** A number of a datastream with its unit, as the locale writes it. */
export function formatQuantity(stream: Datastream, value: number, locale: string): string {
  const options = { maximumFractionDigits: decimals(stream, value), signDisplay: 'negative' } as const
  const unit = stream.unit ?? ''
  if (unit === '%') return new Intl.NumberFormat(locale, { ...options, style: 'unit', unit: 'percent' }).format(value)
  const number = new Intl.NumberFormat(locale, options).format(value)
  if (!unit) return number
  // Degrees of an angle, minutes and seconds of arc stand close; other units after a space that doesn't break.
  return /^[°′″]$/.test(unit) ? number + unit : `${number}\u00a0${unit}`
}

/** A value as people read it; null is for the caller to find words for. */
export function formatValue(stream: Datastream, value: NonNullable<Value>, locale: string): string {
  if (Array.isArray(value)) return value.join(', ')
  if (typeof value === 'number') return stream.type === 'enum' ? String(value) : formatQuantity(stream, value, locale)
  return value
}

/** A point of a datastream's history as people read it. */
export function formatPoint(stream: Datastream, value: number, locale: string): string {
  if (stream.type === 'enum') return stream.labels?.[Math.round(value)] ?? ''
  // An average of whole numbers has decimals.
  return formatQuantity(stream.type === 'integer' ? { ...stream, type: 'double' } : stream, value, locale)
}

/** The longest text of a datastream, in bytes, as the cloud takes it. */
export const longestText = 1024

/** What was typed, as a value to write, or why it is none. */
export function readTyped(stream: Datastream, text: string): { value: Written } | { problem: 'number' | 'whole' | 'low' | 'high' | 'long'; bound: number } {
  if (stream.type === 'string') {
    if (new TextEncoder().encode(text).length > longestText) return { problem: 'long', bound: longestText }
    return { value: text }
  }
  // Half the world writes a comma; nobody groups digits when typing.
  const value = Number(/^[^.,]*,[^.,]*$/.test(text) ? text.replace(',', '.') : text)
  if (text.trim() === '' || !Number.isFinite(value)) return { problem: 'number', bound: 0 }
  if (stream.type === 'integer' && !Number.isSafeInteger(value)) return { problem: 'whole', bound: 0 }
  if (stream.min !== undefined && value < stream.min) return { problem: 'low', bound: stream.min }
  if (stream.max !== undefined && value > stream.max) return { problem: 'high', bound: stream.max }
  return { value }
}

/** How far one step of a slider goes: a whole number, or a round hundredth of the range or so. */
export function stepOf(stream: Datastream): number {
  const range = rangeOf(stream)
  if (stream.type === 'integer' || !range) return 1
  return 10 ** Math.floor(Math.log10((range.max - range.min) / 100))
}

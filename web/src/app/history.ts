/** The history of a datastream, as the chart, its summary and its table need it. */

import type { components } from '../api/schema.d.ts'

export const periods = ['hour', 'day', 'week', 'month'] as const
export type Period = (typeof periods)[number]

/** Time in milliseconds since 1970, average, least, greatest. */
export type Point = readonly [at: number, average: number, min: number, max: number]

/** `GET /devices/{id}/datastreams/{pin}/history`; its points come oldest first, and where nothing came, there is none. */
export type History = Omit<components['schemas']['Chart'], 'points'> & { points: readonly Point[] }

/** The cloud's answer with points of four numbers, which its description can't say. */
export function historyOf(answer: components['schemas']['Chart']): History {
  return { ...answer, points: answer.points.flatMap(([at, average, min, max]) => (at === undefined || average === undefined || min === undefined || max === undefined ? [] : [[at, average, min, max] as const])) }
}

/** Seconds, averages, least and greatest, as uPlot takes them. */
export type ChartData = [number[], (number | null)[], (number | null)[], (number | null)[]]

/**
 * How many steps may be without a point before the line is broken. A device that
 * measures a little more rarely than the steps are long has a point in every other.
 */
const gapSteps = 3

/** The length of time in which this many points at most are expected, in milliseconds. */
function gapOf(history: History): number {
  const gaps = history.points.slice(1).map(([at], i) => at - (history.points[i]?.[0] ?? at))
  const usual = gaps.sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? 0
  return gapSteps * Math.max(usual, history.step_seconds * 1000)
}

/**
 * The points as a chart's columns, with a hole where the device was silent. Of what
 * is stepped, an average between two values is shown as the nearer one.
 */
export function chartData(history: History, stepped = false): ChartData {
  const data: ChartData = [[], [], [], []]
  const gap = gapOf(history)
  let before: number | null = null
  for (const [at, average, min, max] of history.points) {
    if (before !== null && at - before > gap) push(data, (before + at) / 2, null, null, null)
    push(data, at, stepped ? Math.round(average) : average, min, max)
    before = at
  }
  return data
}

function push(data: ChartData, at: number, ...values: [number | null, number | null, number | null]): void {
  data[0].push(at / 1000)
  data[1].push(values[0])
  data[2].push(values[1])
  data[3].push(values[2])
}

/** The points in a few numbers; null if there is none. */
export function summarise(points: readonly Point[]): { min: number; max: number; average: number; last: number } | null {
  const last = points.at(-1)
  if (!last) return null
  return {
    min: points.reduce((least, [, , min]) => Math.min(least, min), Infinity),
    max: points.reduce((greatest, [, , , max]) => Math.max(greatest, max), -Infinity),
    average: points.reduce((sum, [, average]) => sum + average, 0) / points.length,
    last: last[1],
  }
}

/** How long a row of the table is, in milliseconds: a table has some thirty rows. */
const rowLengths: Record<Period, number> = { hour: 5 * 60_000, day: 3_600_000, week: 6 * 3_600_000, month: 24 * 3_600_000 }

/** One row of the table: its beginning and what was in it. */
export interface Row {
  at: Date
  average: number
  min: number
  max: number
}

/**
 * The points put together for a table, newest first. Rows begin at whole hours or
 * days of the clock that offset is from: minutes to add to local time for UTC, as
 * Date's getTimezoneOffset gives them.
 */
export function rowsOf(points: readonly Point[], period: Period, offset: (at: Date) => number = (at) => at.getTimezoneOffset()): Row[] {
  const length = rowLengths[period]
  const rows = new Map<number, Point[]>()
  for (const point of points) {
    const shift = offset(new Date(point[0])) * 60_000
    const start = Math.floor((point[0] - shift) / length) * length + shift
    const row = rows.get(start)
    if (row) row.push(point)
    else rows.set(start, [point])
  }
  return [...rows]
    .sort(([a], [b]) => b - a)
    .flatMap(([start, inside]) => {
      const sum = summarise(inside)
      return sum ? [{ at: new Date(start), average: sum.average, min: sum.min, max: sum.max }] : []
    })
}

/** When a value became another: of what has labels, that is all there is to tell. */
export interface Change {
  at: Date
  value: number
}

/** How many changes a table has at most. */
const mostChanges = 100

/** The changes among the points, newest first; the oldest is the value at the beginning. */
export function changesOf(points: readonly Point[]): Change[] {
  const changes: Change[] = []
  for (const [at, average] of points) {
    const value = Math.round(average)
    if (changes.at(-1)?.value !== value) changes.push({ at: new Date(at), value })
  }
  return changes.reverse().slice(0, mostChanges)
}

/** How the times of a period are written: on the axis, and in full. */
export const timeFormats: Record<Period, { axis: Intl.DateTimeFormatOptions; full: Intl.DateTimeFormatOptions; row: Intl.DateTimeFormatOptions }> = {
  hour: { axis: { timeStyle: 'short' }, full: { timeStyle: 'short' }, row: { timeStyle: 'short' } },
  day: { axis: { timeStyle: 'short' }, full: { weekday: 'short', hour: 'numeric', minute: '2-digit' }, row: { weekday: 'short', hour: 'numeric', minute: '2-digit' } },
  week: { axis: { weekday: 'short' }, full: { weekday: 'short', day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' }, row: { weekday: 'short', day: 'numeric', hour: 'numeric', minute: '2-digit' } },
  month: { axis: { day: 'numeric', month: 'short' }, full: { weekday: 'short', day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' }, row: { weekday: 'short', day: 'numeric', month: 'short' } },
}

/** The index of the point next to the one at an index, over holes; the same if there is none. */
export function neighbour(data: ChartData, index: number, way: 1 | -1): number {
  for (let i = index + way; i >= 0 && i < data[0].length; i += way) {
    if (data[1][i] !== null) return i
  }
  return index
}

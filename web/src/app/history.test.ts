import { describe, expect, test } from 'vitest'
import { changesOf, chartData, historyOf, neighbour, rowsOf, summarise, type History, type Point } from './history.ts'

const minute = 60_000
const point = (minutes: number, average: number, spread = 0): Point => [minutes * minute, average, average - spread, average + spread]
const history = (points: Point[], step_seconds = 60): History => ({ pin: 'V0', from: '', to: '', step_seconds, points })

test('an answer keeps its points, and drops what is none', () => {
  const answer = { ...history([]), points: [[1, 2, 3, 4], [5, 6], []] }
  expect(historyOf(answer)).toEqual({ ...answer, points: [[1, 2, 3, 4]] })
})

describe('the chart', () => {
  test('of nothing is empty', () => {
    expect(chartData(history([]))).toEqual([[], [], [], []])
  })

  test('has times in seconds, and the band beside the line', () => {
    expect(chartData(history([point(1, 5, 1), point(2, 6, 2)]))).toEqual([[60, 120], [5, 6], [4, 4], [6, 8]])
  })

  test('of labels has no value between two', () => {
    expect(chartData(history([point(1, 0.4), point(2, 1.6)]), true)[1]).toEqual([0, 2])
  })

  test('has a hole where the device was silent', () => {
    const data = chartData(history([point(0, 1), point(1, 2), point(2, 2), point(30, 3), point(31, 3)]))
    expect(data[0]).toEqual([0, 60, 120, 960, 1800, 1860])
    expect(data[1]).toEqual([1, 2, 2, null, 3, 3])
  })

  test('has none where the device is slow but steady', () => {
    const slow = [0, 10, 20, 32, 40].map((minutes) => point(minutes, 1))
    expect(chartData(history(slow))[1]).toEqual([1, 1, 1, 1, 1])
  })
})

test('a summary takes the extremes, not the averages’', () => {
  expect(summarise([point(0, 10, 5), point(1, 20, 1), point(2, 15, 9)])).toEqual({ min: 5, max: 24, average: 15, last: 15 })
  expect(summarise([])).toBeNull()
})

describe('the table', () => {
  test('puts points together, newest first', () => {
    const rows = rowsOf([point(0, 1), point(4, 3), point(5, 10, 2), point(61, 7)], 'hour', () => 0)
    expect(rows).toEqual([
      { at: new Date(60 * minute), average: 7, min: 7, max: 7 },
      { at: new Date(5 * minute), average: 10, min: 8, max: 12 },
      { at: new Date(0), average: 2, min: 1, max: 3 },
    ])
  })

  test('begins its days at the customer’s midnight', () => {
    const tenAtNight = 22 * 60
    const [first, second] = rowsOf([point(tenAtNight - 61, 1), point(tenAtNight + 1, 2)], 'month', () => -120)
    expect([first?.at, second?.at]).toEqual([new Date(tenAtNight * minute), new Date((tenAtNight - 1440) * minute)])
  })
})

test('labels are told by their changes, newest first', () => {
  expect(changesOf([point(0, 0), point(1, 0), point(2, 1), point(3, 0.6), point(4, 0)])).toEqual([
    { at: new Date(4 * minute), value: 0 },
    { at: new Date(2 * minute), value: 1 },
    { at: new Date(0), value: 0 },
  ])
  expect(changesOf(Array.from({ length: 300 }, (_, i) => point(i, i % 2)))).toHaveLength(100)
})

test('going along the line passes over holes and stops at the ends', () => {
  const data = chartData(history([point(0, 1), point(1, 2), point(2, 2), point(30, 3)]))
  expect([neighbour(data, 2, 1), neighbour(data, 4, -1), neighbour(data, 4, 1), neighbour(data, 0, -1)]).toEqual([4, 2, 4, 0])
})

import { describe, expect, test } from 'vitest'
import { formatPoint, formatQuantity, formatValue, isChartable, isOn, isStepped, readTyped, shareOf, stepOf, switched, widgetOf, type Datastream } from './datastream.ts'

const stream = (rest: Partial<Datastream>): Datastream => ({ pin: 'V0', name: 'x', type: 'double', ...rest })
const mode = stream({ type: 'enum', labels: ['off', 'heat', 'cool'] })
const pump = stream({ type: 'enum', labels: ['off', 'on'] })
const valve = stream({ type: 'integer', min: 0, max: 1 })
const moisture = stream({ min: 0, max: 100, unit: '%' })

describe('the widget of a datastream', () => {
  test.each<[string, Partial<Datastream>]>([
    ['gauge', { min: 0, max: 100 }],
    ['gauge', { type: 'integer', min: 1, max: 10 }],
    ['gauge', { min: 0, max: 1 }],
    ['number', {}],
    ['number', { min: 0 }],
    ['number', { type: 'integer', max: 5 }],
    ['number', { min: 3, max: 3 }],
    ['switch', { type: 'integer', min: 0, max: 1 }],
    ['switch', { type: 'enum', labels: ['off', 'on'] }],
    ['choice', { type: 'enum', labels: ['off', 'heat', 'cool'] }],
    ['choice', { type: 'enum', labels: ['only'] }],
    ['text', { type: 'string' }],
  ])('%s for %o', (widget, rest) => {
    expect(widgetOf(stream(rest))).toBe(widget)
  })

  test('is a gauge for one without a type, which is a double', () => {
    expect(widgetOf({ pin: 'V1', name: 'x', min: 0, max: 5 })).toBe('gauge')
  })
})

test('only texts have no chart, and what has labels jumps', () => {
  expect([moisture, mode, stream({ type: 'string' })].map(isChartable)).toEqual([true, true, false])
  expect([moisture, mode, pump, valve, stream({ type: 'integer' })].map(isStepped)).toEqual([false, true, true, true, false])
})

test('a switch reads and writes what its datastream holds', () => {
  expect([isOn(pump, 'on'), isOn(pump, 'off'), isOn(pump, null), isOn(pump, 'rubbish')]).toEqual([true, false, false, false])
  expect([isOn(valve, 1), isOn(valve, 0), isOn(valve, '1')]).toEqual([true, false, false])
  expect([switched(pump, true), switched(pump, false), switched(valve, true), switched(valve, false)]).toEqual(['on', 'off', 1, 0])
})

test('a gauge stays within its range', () => {
  expect([-5, 0, 25, 100, 1e9].map((value) => shareOf(moisture, value))).toEqual([0, 0, 0.25, 1, 1])
  expect(shareOf(stream({ min: -40, max: 80 }), 20)).toBe(0.5)
  expect(shareOf(stream({}), 20)).toBe(0)
})

describe('a number', () => {
  test.each<[Partial<Datastream>, number, string, string]>([
    [{ min: 0, max: 100, unit: '%' }, 42.4567, 'en', '42.5%'],
    [{ min: 0, max: 100, unit: '%' }, 42.4567, 'de', '42,5\u00a0%'],
    [{ unit: '°C' }, 21.456, 'en', '21.5\u00a0°C'],
    [{ unit: '°' }, 90, 'en', '90°'],
    [{ type: 'integer', unit: 'ppm' }, 1234, 'de', '1.234\u00a0ppm'],
    [{ min: 0, max: 5 }, 3.14159, 'en', '3.14'],
    [{ min: -20, max: 60, unit: '°C' }, 31.5931, 'en', '31.6\u00a0°C'],
    [{ min: 0, max: 1 }, 0.12345, 'en', '0.123'],
    [{ min: 0, max: 20_000 }, 12345.678, 'en', '12,346'],
    [{}, 0.012345, 'en', '0.012'],
    [{}, 1013.25, 'en', '1,013.3'],
    [{}, 0, 'en', '0'],
    [{ unit: '°C' }, -0.001, 'en', '-0.001\u00a0°C'],
    [{ min: -20, max: 100 }, -0.01, 'en', '0'],
  ])('%o %d in %s', (rest, value, language, text) => {
    expect(formatQuantity(stream(rest), value, language)).toBe(text)
  })
})

test('every kind of value has its text', () => {
  expect(formatValue(moisture, 7, 'en')).toBe('7%')
  expect(formatValue(pump, 'on', 'en')).toBe('on')
  expect(formatValue(pump, 7, 'en')).toBe('7')
  expect(formatValue(stream({ type: 'string' }), 'wilted', 'en')).toBe('wilted')
  expect(formatValue(moisture, ['1', 'two'], 'en')).toBe('1, two')
  expect(formatValue(moisture, 'rubbish', 'en')).toBe('rubbish')
})

test('history of labels reads as labels, averages of whole numbers have decimals', () => {
  expect([0, 1.4, 2, 9].map((value) => formatPoint(mode, value, 'en'))).toEqual(['off', 'heat', 'cool', ''])
  expect(formatPoint(stream({ type: 'integer', unit: 'lx' }), 2.5, 'en')).toBe('2.5\u00a0lx')
})

describe('what was typed', () => {
  test.each<[Partial<Datastream>, string, unknown]>([
    [{}, '4.5', { value: 4.5 }],
    [{}, '4,5', { value: 4.5 }],
    [{}, '1,000.5', { problem: 'number', bound: 0 }],
    [{}, '1,000,5', { problem: 'number', bound: 0 }],
    [{}, ' ', { problem: 'number', bound: 0 }],
    [{}, 'four', { problem: 'number', bound: 0 }],
    [{}, '1e999', { problem: 'number', bound: 0 }],
    [{ type: 'integer' }, '4.5', { problem: 'whole', bound: 0 }],
    [{ type: 'integer' }, '-4', { value: -4 }],
    [{ min: 0, max: 10 }, '-0.1', { problem: 'low', bound: 0 }],
    [{ min: 0, max: 10 }, '10.1', { problem: 'high', bound: 10 }],
    [{ min: 0, max: 10 }, '10', { value: 10 }],
    [{ type: 'string' }, '', { value: '' }],
    [{ type: 'string' }, 'ä'.repeat(512), { value: 'ä'.repeat(512) }],
    [{ type: 'string' }, 'ä'.repeat(512) + 'a', { problem: 'long', bound: 1024 }],
  ])('%o: %s', (rest, text, read) => {
    expect(readTyped(stream(rest), text)).toEqual(read)
  })
})

test('a slider goes in round steps', () => {
  expect([stream({ min: 0, max: 100 }), stream({ min: 0, max: 5 }), stream({ type: 'integer', min: 0, max: 5000 }), stream({ min: 0, max: 1024 })].map(stepOf)).toEqual([1, 0.01, 1, 10])
})

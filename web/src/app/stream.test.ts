import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { watch, type StreamWorld } from './stream.ts'
import type { Action } from './view.ts'

class Source extends EventTarget {
  readyState = 1
  closed = false
  readonly url: string
  constructor(url: string) {
    super()
    this.url = url
  }
  close() {
    this.closed = true
    this.readyState = 2
  }
  say(name: string, data: unknown) {
    this.dispatchEvent(new MessageEvent(name, { data: JSON.stringify(data) }))
  }
  fail(readyState: number) {
    this.readyState = readyState
    this.dispatchEvent(new Event('error'))
  }
}

function world() {
  const sources: Source[] = []
  const page = Object.assign(new EventTarget(), { hidden: false })
  const network = new EventTarget()
  const given: StreamWorld = {
    open(url) {
      const source = new Source(url)
      sources.push(source)
      return source as unknown as EventSource
    },
    page,
    network,
  }
  const told: Action[] = []
  const refused = vi.fn()
  const stop = watch('a/b', (action) => told.push(action), refused, given)
  return { sources, page, network, told, refused, stop, last: () => sources.at(-1)! }
}

describe('the stream of a device', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('tells what the cloud says', () => {
    const { told, last, sources } = world()
    expect(last().url).toBe('/api/v1/devices/a%2Fb/live')
    last().say('snapshot', { online: true })
    last().say('value', { pin: 'V0' })
    last().say('presence', { online: false })
    expect(told).toEqual([
      { type: 'snapshot', snapshot: { online: true } },
      { type: 'value', reading: { pin: 'V0' } },
      { type: 'presence', presence: { online: false } },
    ])
    expect(sources).toHaveLength(1)
  })

  test('leaves a broken connection to the browser, and asks anew after a refusal', () => {
    const { told, last, sources, refused } = world()
    last().fail(0)
    expect(told).toEqual([{ type: 'heard', heard: false }])
    vi.advanceTimersByTime(10_000)
    expect([sources.length, refused.mock.calls.length]).toEqual([1, 0])
    last().fail(2)
    expect(refused).toHaveBeenCalledOnce()
    vi.advanceTimersByTime(3_000)
    expect(sources).toHaveLength(2)
  })

  test('opens anew when it has been silent, and not while it talks', () => {
    const { last, sources } = world()
    for (let second = 0; second < 180; second += 30) {
      vi.advanceTimersByTime(30_000)
      last().say('value', { pin: 'V0' })
    }
    expect(sources).toHaveLength(1)
    vi.advanceTimersByTime(60_000)
    expect(sources).toHaveLength(2)
    expect(sources[0]?.closed).toBe(true)
  })

  test('rests while the page is hidden, and looks again when the network is back', () => {
    const { page, network, last, sources } = world()
    page.hidden = true
    page.dispatchEvent(new Event('visibilitychange'))
    expect(last().closed).toBe(true)
    network.dispatchEvent(new Event('online'))
    vi.advanceTimersByTime(600_000)
    expect(sources).toHaveLength(1)
    page.hidden = false
    page.dispatchEvent(new Event('visibilitychange'))
    expect(sources).toHaveLength(2)
    network.dispatchEvent(new Event('online'))
    expect(sources).toHaveLength(3)
    expect(sources.map(({ closed }) => closed)).toEqual([true, true, false])
  })

  test('ends for good', () => {
    const { stop, page, network, last, sources } = world()
    last().fail(2)
    stop()
    page.dispatchEvent(new Event('visibilitychange'))
    network.dispatchEvent(new Event('online'))
    vi.advanceTimersByTime(600_000)
    expect(sources).toHaveLength(1)
  })
})

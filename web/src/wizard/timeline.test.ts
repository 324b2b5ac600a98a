import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ApiError } from '../api/client.ts'
import { followTimeline, type AttemptNow } from './timeline.ts'

/** A stream of the browser's. */
class Stream {
  onmessage: ((event: { data: string; lastEventId: string }) => void) | null = null
  onerror: (() => void) | null = null
  readyState = 1
  closed = false

  close(): void {
    this.closed = true
  }
  say(id: number, step: string): void {
    this.onmessage?.({ data: JSON.stringify({ step, at: '2030-01-01T00:00:00Z' }), lastEventId: String(id) })
  }
}

let streams: Stream[]
let now: AttemptNow | ApiError
let returns: (() => void)[]
let heard: string[]
let stop: () => void

beforeEach(() => {
  vi.useFakeTimers()
  streams = []
  returns = []
  heard = []
  now = { state: 'issued', deviceId: null, timeline: [{ step: 'issued', code: 0 }] }
  stop = followTimeline(
    '/events',
    async () => {
      if (now instanceof ApiError) throw now
      return now
    },
    { step: ({ step }) => heard.push(step), now: ({ state }) => heard.push(`now ${state}`), lost: ({ code }) => heard.push(`lost ${code}`) },
    {
      listen() {
        streams.push(new Stream())
        return streams.at(-1) as unknown as EventSource
      },
      onReturn(call) {
        returns.push(call)
        return () => returns.splice(returns.indexOf(call), 1)
      },
    },
  )
})

afterEach(() => {
  stop()
  vi.useRealTimers()
})

/** What was heard since the last time. */
async function since(milliseconds = 0): Promise<string[]> {
  await vi.advanceTimersByTimeAsync(milliseconds)
  return heard.splice(0)
}

test('each step is told once, whoever tells it first', async () => {
  expect(await since()).toEqual(['issued', 'now issued'])
  streams[0]!.say(1, 'issued')
  streams[0]!.say(2, 'portal_found')
  expect(await since()).toEqual(['portal_found'])
  now = { state: 'handed_over', deviceId: null, timeline: [{ step: 'issued', code: 0 }, { step: 'portal_found', code: 0 }, { step: 'configuration_accepted', code: 0 }] }
  expect(await since(8_000)).toEqual(['configuration_accepted', 'now handed_over'])
})

test('the end is asked for at once', async () => {
  await since()
  now = { state: 'online', deviceId: 'd', timeline: [{ step: 'issued', code: 0 }, { step: 'online', code: 0 }] }
  streams[0]!.say(2, 'online')
  expect(await since()).toEqual(['online', 'now online'])
})

test('a stream that breaks says why by asking; one that was refused is opened anew', async () => {
  await since()
  now = new ApiError(0, 'unreachable')
  streams[0]!.onerror?.()
  expect(await since()).toEqual(['lost unreachable'])
  expect(streams).toHaveLength(1)
  streams[0]!.readyState = 2
  await since(8_000)
  expect(streams).toHaveLength(2)
  expect(streams[0]!.closed).toBe(true)
})

test('a phone that returns asks at once', async () => {
  await since()
  returns[0]!()
  expect(await since()).toEqual(['now issued'])
  expect(streams.map(({ closed }) => closed)).toEqual([true, false])
})

test('what is no step is passed over', async () => {
  await since()
  for (const data of ['', 'null', '{}', '{"step":3}', '<html>']) streams[0]!.onmessage?.({ data, lastEventId: '9' })
  expect(await since()).toEqual([])
  now = new ApiError(401, 'unauthenticated')
  expect(await since(8_000)).toEqual(['lost unauthenticated'])
})

test('after its end nothing is told, asked or held', async () => {
  await since()
  stop()
  streams[0]!.say(2, 'online')
  expect(await since(60_000)).toEqual([])
  expect(streams[0]!.closed).toBe(true)
  expect(returns).toEqual([])
})

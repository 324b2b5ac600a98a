import { ApiError } from '../api/client.ts'

/** An attempt as it is now. */
export interface AttemptNow {
  state: 'issued' | 'handed_over' | 'failed' | 'online' | 'expired' | 'cancelled'
  deviceId: string | null
  /** What happened, in order. */
  timeline: TimelineStep[]
}

/** One step of the timeline. */
export interface TimelineStep {
  step: string
  /** The device's error code, for device_error; else 0. */
  code: number
}

/** Who hears of an attempt. */
export interface Follower {
  /** A step, each once and in order. */
  step(step: TimelineStep): void
  /** The attempt, each time that it was asked for; at the latest when it has ended. */
  now(now: AttemptNow): void
  /** The cloud can't be heard, or has refused. */
  lost(error: ApiError): void
}

/** What following needs of a browser. */
export interface Surroundings {
  /** Server-sent events from that path. */
  listen(path: string): EventSource
  /** Calls when the phone may be back on the internet, until the function that it gives is called. */
  onReturn(call: () => void): () => void
}

/** How often the attempt is asked for outright, which is all that a network lets through that holds streams back. In milliseconds. */
const askEvery = 8_000

const browser: Surroundings = {
  listen: (path) => new EventSource(path),
  onReturn(call) {
    const visible = () => {
      if (document.visibilityState === 'visible') call()
    }
    addEventListener('online', call)
    // Phones let the streams of a hidden page die, some without a word.
    document.addEventListener('visibilitychange', visible)
    return () => {
      removeEventListener('online', call)
      document.removeEventListener('visibilitychange', visible)
    }
  },
}

/**
 * Tells an attempt's timeline as it grows, from the stream at path and by asking,
 * until the function that it gives is called.
 */
export function followTimeline(path: string, ask: () => Promise<AttemptNow>, follower: Follower, surroundings: Surroundings = browser): () => void {
  let over = false
  let seen = 0
  let source: EventSource | null = null
  let asking = false

  const deliver = (number: number, step: TimelineStep) => {
    if (over || number <= seen) return
    seen = number
    follower.step(step)
  }

  const look = async () => {
    if (asking) return
    asking = true
    try {
      const now = await ask()
      now.timeline.forEach((step, index) => deliver(index + 1, step))
      if (!over) follower.now(now)
    } catch (error) {
      if (!over) follower.lost(error instanceof ApiError ? error : new ApiError(0, 'unreachable'))
    } finally {
      asking = false
    }
  }

  const listen = () => {
    source?.close()
    source = surroundings.listen(path)
    source.onmessage = (event: MessageEvent<string>) => {
      const step = stepOf(event.data)
      if (step) deliver(Number(event.lastEventId), step)
      if (step && ['online', 'expired', 'cancelled'].includes(step.step)) void look()
    }
    // Why it broke, or that it is over, is for the asking.
    source.onerror = () => void look()
  }

  const timer = setInterval(() => {
    // A browser asks again by itself for a stream that broke, but not for one that was refused.
    if (source?.readyState === 2) listen()
    void look()
  }, askEvery)
  const forget = surroundings.onReturn(() => {
    listen()
    void look()
  })
  listen()
  void look()

  return () => {
    over = true
    clearInterval(timer)
    forget()
    source?.close()
  }
}

function stepOf(data: string): TimelineStep | null {
  try {
    const step = JSON.parse(data) as { step?: unknown; code?: unknown } | null
    return typeof step?.step === 'string' ? { step: step.step, code: typeof step.code === 'number' ? step.code : 0 } : null
  } catch {
    return null
  }
}

/** The cloud's events of one device, for as long as somebody looks. */
import type { Action, Presence, Snapshot } from './view.ts'
import type { Reading } from './datastream.ts'

/** How soon a stream that was refused is asked for again, in milliseconds. */
const reopenAfter = 3_000
/**
 * How long a stream may say nothing before it is opened anew, in milliseconds. A
 * phone that changes networks isn't told that a connection is dead, and the stream's
 * signs of life are comments, which a browser doesn't pass on.
 */
const silence = 60_000

/** What a stream needs of the browser. */
export interface StreamWorld {
  open(url: string): EventSource
  page: EventTarget & { hidden: boolean }
  network: EventTarget
}

const browser = (): StreamWorld => ({ open: (url) => new EventSource(url), page: document, network: window })

/**
 * Watches a device until the function that it gives is called. The stream is closed
 * while the page is hidden: each opening begins with how things stand, so nothing is
 * missed. refused is called when the cloud answers with a refusal, for the page to
 * find out which.
 */
export function watch(deviceId: string, tell: (action: Action) => void, refused: () => void, world: StreamWorld = browser()): () => void {
  let source: EventSource | null = null
  let timer: ReturnType<typeof setTimeout> | undefined

  const close = () => {
    clearTimeout(timer)
    source?.close()
    source = null
  }
  const open = () => {
    close()
    if (world.page.hidden) return
    const opened = world.open(`/api/v1/devices/${encodeURIComponent(deviceId)}/live`)
    source = opened
    const wait = () => {
      clearTimeout(timer)
      timer = setTimeout(open, silence)
    }
    const on = <T>(name: string, action: (data: T) => Action) =>
      opened.addEventListener(name, (event: MessageEvent<string>) => {
        wait()
        tell(action(JSON.parse(event.data) as T))
      })
    on<Snapshot>('snapshot', (snapshot) => ({ type: 'snapshot', snapshot }))
    on<Reading>('value', (reading) => ({ type: 'value', reading }))
    on<Presence>('presence', (presence) => ({ type: 'presence', presence }))
    opened.addEventListener('error', () => {
      // The browser tries again by itself, unless the answer was a refusal.
      tell({ type: 'heard', heard: false })
      if (opened.readyState !== 2) return
      close()
      timer = setTimeout(open, reopenAfter)
      refused()
    })
    wait()
  }

  world.page.addEventListener('visibilitychange', open)
  world.network.addEventListener('online', open)
  open()
  return () => {
    world.page.removeEventListener('visibilitychange', open)
    world.network.removeEventListener('online', open)
    close()
  }
}

import { DeviceProblem, type DeviceLink, type Sight } from './device.ts'
import { randomId } from './id.ts'
import { fromDevice, toDevice, type FromDevice, type ToDevice } from './messages.ts'
import { unitOf, type BoardInfo, type Network, type Result } from './parse.ts'

/** How long a freshly opened page may take to say hello, in milliseconds: it scans first, up to 20 s, and may ask the customer. */
const patience = 90_000
/** How often a page that has said nothing yet is asked to, in milliseconds. */
const askEvery = 1_000
/** How often it is looked whether the customer closed the window, in milliseconds. */
const glance = 500

/** The parts of a browser's window that the link needs. */
export interface Opener {
  open(url: string, name: string): Window | null
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void
  removeEventListener(type: 'message', listener: (event: MessageEvent) => void): void
  readonly location: { readonly origin: string }
}

/** What the device's page says, and the language of that (BCP 47). */
export interface Words {
  lang: string
  texts: Record<string, string>
}

/**
 * The device's own page in a window of its own, which speaks with the device and
 * with this page. Needs no permission; opening needs a tap.
 */
export class WindowLink implements DeviceLink {
  readonly #page: Opener
  readonly #origin: string
  readonly #window: Window
  readonly #words: Words
  readonly #listeners = new Set<(message: FromDevice) => void>()
  #latest: BoardInfo | null = null

  /** Opens the device's page; only while a tap is being handled. Throws popup_blocked if the browser opened none. */
  constructor(portalUrl: string, words: Words, page: Opener = window) {
    this.#page = page
    this.#words = words
    const target = new URL('/', portalUrl)
    this.#origin = target.origin
    // A window that is open already, or failed to load, loads the page anew by another address only.
    target.search = randomId().slice(0, 8)
    target.hash = `wizard=${encodeURIComponent(page.location.origin)}`
    const opened = page.open(target.href, 'tendril-device')
    if (!opened) throw new DeviceProblem('popup_blocked')
    this.#window = opened
    page.addEventListener('message', this.#hear)
  }

  async look(onBoard?: (board: BoardInfo) => void): Promise<Sight> {
    const asking = setInterval(() => this.#tell({ type: 'look' }), askEvery)
    try {
      const sight = await this.#hello()
      onBoard?.(sight.board)
      return sight
    } finally {
      clearInterval(asking)
    }
  }

  async board(): Promise<BoardInfo> {
    if (this.#window.closed) throw new DeviceProblem('window_closed')
    return this.#latest ?? (await this.#hello()).board
  }

  async scan(): Promise<Network[] | null> {
    const sight = this.#hello()
    this.#tell({ type: 'scan' })
    return (await sight).networks
  }

  async configure(network: string, parameters: Record<string, string>): Promise<Result> {
    const id = randomId()
    const unit = this.#latest && unitOf(this.#latest)
    const ask = () => this.#tell({ type: 'configure', id, network, config: parameters })
    // The tap on the device's page may take the customer any time.
    const result = this.#await((message) => {
      if (message.type === 'result') return message.id === id ? message.result : null
      if (unit !== null && unitOf(message.board) !== unit) throw new DeviceProblem('unit_changed')
      // Loaded anew, the page has forgotten what it was asked.
      ask()
      return null
    }, Infinity)
    ask()
    const answer = await result
    if (answer.status === 'declined') throw new DeviceProblem('declined')
    return answer
  }

  watch(onBoard: (board: BoardInfo | null) => void): () => void {
    const listener = (message: FromDevice) => {
      // The page says hello anew when the device had gone and is back.
      if (message.type !== 'hello') return
      onBoard(null)
      onBoard(message.board)
    }
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  leave(): void {
    this.#page.removeEventListener('message', this.#hear)
    this.#listeners.clear()
  }

  close(): void {
    this.leave()
    try {
      this.#tell({ type: 'close' })
      this.#window.close()
    } catch {
      // It is gone already.
    }
  }

  readonly #hear = (event: MessageEvent): void => {
    if (event.source !== this.#window || event.origin !== this.#origin) return
    const message = fromDevice(event.data)
    if (!message) return
    if (message.type === 'hello') {
      this.#latest = message.board
      this.#tell({ type: 'texts', ...this.#words })
    }
    for (const listener of [...this.#listeners]) listener(message)
  }

  #tell(message: ToDevice): void {
    this.#window.postMessage(toDevice(message), this.#origin)
  }

  #hello(): Promise<Sight> {
    return this.#await((message) => (message.type === 'hello' ? { board: message.board, networks: message.networks } : null), patience)
  }

  #await<T>(pick: (message: FromDevice) => T | null, timeout: number): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const end = (settle: () => void) => {
        clearInterval(watch)
        clearTimeout(timer)
        this.#listeners.delete(listener)
        settle()
      }
      const listener = (message: FromDevice) => {
        try {
          const picked = pick(message)
          if (picked !== null) end(() => resolve(picked))
        } catch (problem) {
          end(() => reject(problem as Error))
        }
      }
      const watch = setInterval(() => {
        if (this.#window.closed) end(() => reject(new DeviceProblem('window_closed')))
      }, glance)
      const timer = timeout === Infinity ? undefined : setTimeout(() => end(() => reject(new DeviceProblem('not_reached'))), timeout)
      this.#listeners.add(listener)
    })
  }
}

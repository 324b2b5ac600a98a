/**
 * The device's page for tests: its markup in a document without a browser, its
 * script run with what a browser would give it, and a device that answers.
 */
import { readFileSync } from 'node:fs'
import { Window } from 'happy-dom'

export const source = readFileSync(new URL('./index.html', import.meta.url), 'utf8')
let html = source

/** Tests another file instead, which is to do the same. */
export function use(file: string): void {
  html = readFileSync(new URL(`./${file}`, import.meta.url), 'utf8')
}

export interface Message {
  tendril: number
  type: string
  [member: string]: unknown
}

/** What a device answers; a function may refuse by throwing, or never answer. */
export interface Device {
  board: Record<string, unknown> | null
  networks: unknown
  config: (body: URLSearchParams) => unknown
}

export const wizard = 'https://cloud.example'

export const board = {
  tmpl_id: 'TMPLabcdefgh', name: 'myPlant', vendor: 'Blynk', ssid: 'Blynk myPlant', mac: '1A:D7:86:B5:54:98',
  last_error: 0, wifi_scan: true, static_ip: true, configured: false, wizards: [wizard], short_code: true,
}

export class Page {
  readonly #window = new Window({ url: 'http://192.168.4.1/' })
  readonly document = this.#window.document
  readonly device: Device
  /** What was asked of the device, in order. */
  readonly asked: string[] = []
  /** What was handed to the device. */
  readonly handed: URLSearchParams[] = []
  /** What went to the opener. */
  readonly posted: { message: Message; to: string }[] = []
  /** Where the page went. */
  left: string | null = null
  closed = false
  reloaded = false
  readonly opener = { postMessage: (message: Message, to: string) => void this.posted.push({ message: structuredClone(message), to }) }
  #listener: ((event: { source: unknown; origin: string; data: unknown }) => void) | null = null
  readonly #timers: { at: number; run: () => void }[] = []
  #now = 0

  constructor(options: { hash?: string; opened?: boolean; device?: Partial<Device>; without?: string[] } = {}) {
    this.device = { board, networks: [], config: () => ({ status: 'ok', msg: 'Trying to connect...' }), ...options.device }
    const whole = /<script>([\s\S]*)<\/script>/
    const script = whole.exec(html)?.[1] ?? ''
    this.document.write(html.replace(whole, ''))
    const page = this
    const fetch = (path: string, request: { method?: string; body?: string } = {}) => page.#fetch(path, request)
    const window: Record<string, unknown> = {
      fetch, JSON, Promise, AbortController, opener: options.opened ? this.opener : null,
      addEventListener: (type: string, listener: never) => {
        if (type === 'message') page.#listener = listener
      },
      close: () => (page.closed = true),
    }
    for (const name of options.without ?? []) delete window[name]
    const location = {
      hash: options.hash ?? '',
      set href(url: string) {
        page.left = url
      },
      reload: () => (page.reloaded = true),
    }
    const setTimeout = (run: () => void, after: number) => void this.#timers.push({ at: this.#now + after, run })
    const Option = (text: string, value: string) => Object.assign(this.document.createElement('option'), { text, value, textContent: text })
    // With new, a function that returns an object gives that.
    new Function('window', 'document', 'location', 'fetch', 'setTimeout', 'Option', script)(window, this.document, location, window.fetch, setTimeout, function (text: string, value: string) {
      return Option(text, value)
    })
  }

  async #fetch(path: string, request: { method?: string; body?: string }): Promise<unknown> {
    this.asked.push(`${request.method ?? 'GET'} ${path}`)
    let answer: unknown
    if (path === '/board_info.json') answer = this.device.board
    else if (path === '/wifi_scan.json') answer = this.device.networks
    else {
      const body = new URLSearchParams(request.body)
      this.handed.push(body)
      answer = await this.device.config(body)
    }
    if (answer === null) throw new TypeError('Failed to fetch')
    return { json: async () => structuredClone(answer) }
  }

  /** Lets all that can go on now go on. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** Lets time pass, in milliseconds. */
  async pass(time: number): Promise<void> {
    const end = this.#now + time
    for (;;) {
      await this.settle()
      this.#timers.sort((a, b) => a.at - b.at)
      const next = this.#timers[0]
      if (!next || next.at > end) break
      this.#timers.shift()
      this.#now = next.at
      next.run()
    }
    this.#now = end
  }

  /** A message as the browser delivers it. */
  async hear(data: unknown, origin = wizard, source: unknown = this.opener): Promise<void> {
    this.#listener?.({ data, origin, source })
    await this.settle()
  }

  by<T = HTMLInputElement>(id: string): T {
    const found = this.document.getElementById(id)
    if (!found) throw new Error(`the page has no #${id}`)
    return found as unknown as T
  }

  shows(id: string): boolean {
    for (let e: Element | null = this.by<Element>(id); e; e = e.parentElement) {
      if ((e as HTMLElement).hidden) return false
    }
    return true
  }

  /** What the page says at present. */
  get said(): string {
    return this.shows('said') ? (this.by('said').textContent ?? '') : ''
  }

  async tap(id: string): Promise<void> {
    if (!this.shows(id)) throw new Error(`#${id} is hidden`)
    this.by(id).click()
    await this.settle()
  }

  async type(values: Record<string, string>): Promise<void> {
    for (const [id, value] of Object.entries(values)) {
      if (id !== 'more' && !this.shows(id)) throw new Error(`#${id} is hidden`)
      this.by(id).value = value
    }
    await this.settle()
  }

  async choose(value: string): Promise<void> {
    this.by<HTMLSelectElement>('network').value = value
    this.by('network').dispatchEvent(new this.#window.Event('change') as unknown as Event)
    await this.settle()
  }

  async submit(): Promise<void> {
    this.by('form').dispatchEvent(new this.#window.Event('submit', { cancelable: true }) as unknown as Event)
    await this.settle()
  }

  last(type: string): Message | undefined {
    return this.posted.map(({ message }) => message).filter((message) => message.type === type).at(-1)
  }

  count(type: string): number {
    return this.posted.filter(({ message }) => message.type === type).length
  }
}

/** The page once it has looked at the device and around. */
export async function open(options: ConstructorParameters<typeof Page>[0] = {}): Promise<Page> {
  const page = new Page(options)
  await page.settle()
  return page
}

/** The page as a wizard's window. */
export function served(device: Partial<Device> = {}): Promise<Page> {
  return open({ hash: `#wizard=${encodeURIComponent(wizard)}`, opened: true, device })
}

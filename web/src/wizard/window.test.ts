import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fromDevice, hopLink, readHop } from './messages.ts'
import { WindowLink, type Opener } from './window.ts'

vi.mock('./id.ts', () => ({ randomId: () => '1' }))

interface Vectors {
  from_page: { name: string; source: string; origin: string; data: Record<string, unknown> | null; reads: string }[]
  returns: { name: string; fragment: string; repeat?: { text: string; times: number }; reads: boolean }[]
}

const vectors = JSON.parse(readFileSync(new URL('../../../protocol/testdata/page.json', import.meta.url), 'utf8')) as Vectors
const hello = vectors.from_page.find(({ name }) => name === 'hello')?.data
const portal = 'http://192.168.4.1'

/** The wizard's page and the window that it opened. */
class Pages implements Opener {
  readonly opened = { closed: false, sent: [] as { message: Record<string, unknown>; to: string }[] }
  readonly device = {
    postMessage: (message: Record<string, unknown>, to: string) => void this.opened.sent.push({ message, to }),
    close: () => void (this.opened.closed = true),
    get closed(): boolean {
      return pages.opened.closed
    },
  }
  url = ''
  blocked = false
  readonly location = { origin: 'https://cloud.example' }
  #listener: ((event: MessageEvent) => void) | null = null

  open(url: string): Window | null {
    this.url = url
    return this.blocked ? null : (this.device as unknown as Window)
  }

  addEventListener(_: 'message', listener: (event: MessageEvent) => void): void {
    this.#listener = listener
  }

  removeEventListener(): void {
    this.#listener = null
  }

  hear(data: unknown, origin = portal, source: unknown = this.device): void {
    this.#listener?.({ data, origin, source } as MessageEvent)
  }

  get told(): unknown[] {
    return this.opened.sent.map(({ message }) => message.type)
  }
}

let pages: Pages
let link: WindowLink

beforeEach(() => {
  vi.useFakeTimers()
  pages = new Pages()
  link = new WindowLink(portal, { lang: 'de', texts: { connect: 'Verbinden' } }, pages)
})

afterEach(() => {
  link.close()
  vi.useRealTimers()
})

describe('messages from the device’s page', () => {
  test.each(vectors.from_page)('$name', async ({ source, origin, data, reads }) => {
    let sight: unknown = null
    let result: unknown = null
    const looking = link.look().then((found) => (sight = found), () => {})
    const handing = link.configure('Home', {}).then((found) => (result = found), () => (result = 'declined'))
    pages.hear(data, origin, source === 'device' ? pages.device : {})
    await vi.advanceTimersByTimeAsync(0)
    expect([sight !== null, result !== null]).toEqual([reads === 'hello', reads === 'result'])
    // Who isn't heard isn't spoken to either.
    expect(pages.told.filter((type) => type === 'texts').length).toBe(reads === 'hello' ? 1 : 0)
    pages.opened.closed = true
    await vi.advanceTimersByTimeAsync(1_000)
    await Promise.all([looking, handing])
  })

  test('what was read is what was said', () => {
    expect(fromDevice(hello)).toMatchObject({
      type: 'hello', board: { templateId: 'TMPLabcdefgh', name: 'myPlant', mac: '1A:D7:86:B5:54:98', code: true },
      networks: [{ name: 'Home', ssidHex: null, open: false }, { ssidHex: 'ff', open: true }],
    })
  })
})

describe('the window', () => {
  test('opens with the wizard’s origin, and is spoken to by the portal’s alone', async () => {
    expect(pages.url).toBe('http://192.168.4.1/?1#wizard=https%3A%2F%2Fcloud.example')
    void link.look()
    pages.hear(hello)
    await vi.advanceTimersByTimeAsync(0)
    expect(pages.opened.sent).toEqual([{ message: { tendril: 1, type: 'texts', lang: 'de', texts: { connect: 'Verbinden' } }, to: portal }])
  })

  test('may be blocked', () => {
    pages.blocked = true
    expect(() => new WindowLink(portal, { lang: 'en', texts: {} }, pages)).toThrow(expect.objectContaining({ code: 'popup_blocked' }))
  })

  test('that was open before is asked until it says hello', async () => {
    const looking = link.look()
    await vi.advanceTimersByTimeAsync(2_500)
    expect(pages.told).toEqual(['look', 'look'])
    pages.hear(hello)
    expect((await looking).board.name).toBe('myPlant')
    await vi.advanceTimersByTimeAsync(5_000)
    expect(pages.told).toEqual(['look', 'look', 'texts'])
  })

  test('that is asked to scan is not asked for what it knew', async () => {
    const scanning = link.scan()
    await vi.advanceTimersByTimeAsync(10_000)
    expect(pages.told).toEqual(['scan'])
    pages.hear(hello)
    expect((await scanning)?.length).toBe(2)
  })

  test.each([
    ['closed', true, 1_000, 'window_closed'],
    ['silent', false, 120_000, 'not_reached'],
  ] as const)('that is %s ends the look', async (_, closed, after, code) => {
    const looking = expect(link.look()).rejects.toMatchObject({ code })
    pages.opened.closed = closed
    await vi.advanceTimersByTimeAsync(after)
    await looking
    const told = pages.told.length
    await vi.advanceTimersByTimeAsync(10_000)
    expect(pages.told.length).toBe(told)
  })
})

describe('a hand-over', () => {
  const other = { ...hello, board: { ...(hello?.board as object), mac: '00:00:00:00:00:02' } }

  beforeEach(async () => {
    const looking = link.look()
    pages.hear(hello)
    await looking
    pages.opened.sent.length = 0
  })

  test('is asked for anew of a page that was loaded anew', async () => {
    const handing = link.configure('Home', { ssid: 'Home' })
    pages.hear(hello)
    pages.hear({ tendril: 1, type: 'result', id: '1', result: { status: 'ok', msg: '' } })
    expect((await handing).status).toBe('ok')
    expect(pages.told).toEqual(['configure', 'texts', 'configure'])
    expect(pages.opened.sent[0]).toEqual(pages.opened.sent[2])
  })

  test('ends where another unit answers in the place of the one that was seen', async () => {
    const handing = expect(link.configure('Home', {})).rejects.toMatchObject({ code: 'unit_changed' })
    pages.hear(other)
    await handing
    expect(pages.told).toEqual(['configure', 'texts'])
    expect((await link.board()).mac).toBe('00:00:00:00:00:02')
  })

  test('to a window that was closed ends', async () => {
    pages.opened.closed = true
    await expect(link.board()).rejects.toMatchObject({ code: 'window_closed' })
    const handing = expect(link.configure('Home', {})).rejects.toMatchObject({ code: 'window_closed' })
    await vi.advanceTimersByTimeAsync(1_000)
    await handing
  })

  test('is followed by a look out for the device’s return', () => {
    const seen: (string | null)[] = []
    const stop = link.watch((board) => seen.push(board && board.mac))
    pages.hear(hello)
    stop()
    pages.hear(hello)
    expect(seen).toEqual([null, '1A:D7:86:B5:54:98'])
  })

  test('leaves the page open, or closes it', () => {
    link.leave()
    expect(pages.opened.closed).toBe(false)
    link.close()
    expect(pages.opened.closed).toBe(true)
    expect(pages.told).toEqual(['close'])
  })
})

describe('the hop', () => {
  test.each(vectors.returns)('$name', ({ fragment, repeat, reads }) => {
    const sight = readHop(fragment + (repeat ? repeat.text.repeat(repeat.times) : ''))
    expect(sight !== null).toBe(reads)
    if (reads) expect(sight?.board.templateId).toBe('TMPLabcdefgh')
  })

  test('goes out with the whole way back', () => {
    expect(hopLink('http://192.168.4.1', 'https://cloud.example/p/myplant')).toBe('http://192.168.4.1/#return=https%3A%2F%2Fcloud.example%2Fp%2Fmyplant')
  })
})

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DirectLink, isLoopback, isPrivateAddress } from './direct.ts'
import { sendToEdgent } from './edgent.ts'
import { maxAnswer } from './parse.ts'

const info = JSON.stringify({ tmpl_id: 'TMPLabcdefgh', mac: 'aa:bb', name: 'myPlant' })

interface Asked {
  url: string
  options: RequestInit & { targetAddressSpace?: string }
}

/** A network where answer says what comes of each request. */
function network(answer: (asked: Asked) => Response | Promise<Response>): { asked: Asked[]; fetcher: typeof fetch } {
  const asked: Asked[] = []
  const fetcher = (async (url: string | URL, options: Asked['options'] = {}) => {
    const one = { url: String(url), options }
    asked.push(one)
    return answer(one)
  }) as typeof fetch
  return { asked, fetcher }
}

const unreachable = () => Promise.reject(new TypeError('Failed to fetch'))
const opaque = () => Object.defineProperty(Response.error(), 'type', { value: 'opaque' })

describe('looking straight at the device', () => {
  test('reads what it is and hears', async () => {
    const { asked, fetcher } = network(({ url }) => new Response(url.endsWith('scan.json') ? '[{"ssid":"Home","rssi":-50}]' : info))
    const boards: string[] = []
    const sight = await new DirectLink('http://192.168.4.1', fetcher).look(({ mac }) => boards.push(mac))
    expect(boards).toEqual(['AA:BB'])
    expect(sight.networks).toMatchObject([{ name: 'Home' }])
    expect(asked.map(({ url }) => url)).toEqual(['http://192.168.4.1/board_info.json', 'http://192.168.4.1/wifi_scan.json'])
    // Nothing of the customer's goes along, nothing is kept, and nobody else is followed.
    for (const { options } of asked) expect(options).toMatchObject({ credentials: 'omit', cache: 'no-store', redirect: 'manual', referrerPolicy: 'no-referrer', targetAddressSpace: 'local' })
  })

  test('names the space of private addresses alone', async () => {
    const { asked, fetcher } = network(() => new Response(info))
    await new DirectLink('http://127.0.0.1:8081', fetcher).board()
    expect(asked[0]!.options.targetAddressSpace).toBeUndefined()
  })

  test.each<[string, (asked: Asked) => Response | Promise<Response>, string]>([
    ['nothing', unreachable, 'not_reached'],
    ['one that lets no page read it', ({ options }) => (options.mode === 'no-cors' ? opaque() : unreachable()), 'not_a_portal'],
    ['a sign-in page', () => new Response('<!doctype html>Welcome to our hotel'), 'not_a_portal'],
    ['a redirect', () => new Response(null, { status: 302, headers: { Location: 'https://hotel.example' } }), 'not_a_portal'],
    ['not found', () => new Response('{}', { status: 404 }), 'not_a_portal'],
    ['an empty answer', () => new Response(''), 'not_a_portal'],
    ['half an answer', () => new Response(info.slice(0, -3)), 'rubbish'],
    ['one without a template', () => new Response(info.replace('TMPL', '')), 'rubbish'],
    ['an answer of something else', () => new Response('{"status":"ok"}'), 'not_a_portal'],
  ])('at %s says so', async (_, answer, code) => {
    const { asked, fetcher } = network(answer)
    await expect(new DirectLink('http://192.168.4.1', fetcher).board()).rejects.toMatchObject({ code })
    // Browsers let no request that may not be read hold a redirect up.
    for (const { options } of asked) if (options.mode === 'no-cors') expect(options.redirect).toBe('follow')
  })

  test('reads no more than a portal would say, however long it is talked to', async () => {
    let sent = 0
    let cancelled = false
    const endless = new ReadableStream<Uint8Array>({
      pull: (to) => {
        sent += 1024
        to.enqueue(new Uint8Array(1024).fill(32))
      },
      cancel: () => void (cancelled = true),
    })
    const { fetcher } = network(() => new Response(endless))
    await expect(new DirectLink('http://192.168.4.1', fetcher).board()).rejects.toMatchObject({ code: 'not_a_portal' })
    expect(sent).toBeLessThan(maxAnswer + 4096)
    expect(cancelled).toBe(true)
  })

  test('does without a scan that fails', async () => {
    for (const scan of [unreachable, () => new Response('busy', { status: 503 }), () => new Response('{')]) {
      const { fetcher } = network(({ url }) => (url.endsWith('scan.json') ? scan() : new Response(info)))
      expect((await new DirectLink('http://192.168.4.1', fetcher).look()).networks).toBeNull()
    }
  })

  test('asks for no scan that the device doesn’t offer', async () => {
    const { asked, fetcher } = network(() => new Response(info.replace('{', '{"wifi_scan":false,')))
    await new DirectLink('http://192.168.4.1', fetcher).look()
    expect(asked).toHaveLength(1)
  })
})

describe('handing over straight', () => {
  const parameters = { if: 'wifi', ssid: 'Hö me+', pass: 'secret-pass', blynk: 'token' }

  test('posts a form, which needs no question beforehand', async () => {
    const { asked, fetcher } = network(() => new Response('{"status":"ok","msg":"Trying to connect..."}'))
    expect(await new DirectLink('http://192.168.4.1', fetcher).configure('Hö me+', parameters)).toMatchObject({ status: 'ok' })
    const [{ url, options }] = asked as [Asked]
    expect(url).toBe('http://192.168.4.1/config')
    expect(options.method).toBe('POST')
    expect(options.headers).toBeUndefined()
    expect(String(options.body)).toBe('if=wifi&ssid=H%C3%B6+me%2B&pass=secret-pass&blynk=token')
  })

  test.each<[string, () => Response | Promise<Response>, string]>([
    ['refused', () => new Response('{"status":"error","msg":"Configuration invalid","field":"pass"}', { status: 500 }), 'error'],
    ['without an answer', unreachable, 'unanswered'],
    ['cut off in the answer', () => new Response(new ReadableStream({ pull: (to) => to.error(new TypeError('gone')) })), 'unanswered'],
  ])('%s', async (_, answer, status) => {
    expect((await new DirectLink('http://192.168.4.1', network(answer).fetcher).configure('', parameters)).status).toBe(status)
  })

  test.each([
    [403, '{}', 'forbidden'],
    [503, '{"status":"error","msg":"Busy"}', 'busy'],
    [504, '', 'busy'],
    [200, '<html>', 'rubbish'],
    [302, '', 'rubbish'],
  ])('answered %i', async (status, text, code) => {
    const { fetcher } = network(() => new Response(text, { status }))
    await expect(new DirectLink('http://192.168.4.1', fetcher).configure('', parameters)).rejects.toMatchObject({ code })
  })
})

describe('watching', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  test('tells when the device is gone, and that it is back, until it is stopped', async () => {
    let there = true
    const { asked, fetcher } = network(() => (there ? new Response(info) : unreachable()))
    const seen: (string | null)[] = []
    const stop = new DirectLink('http://192.168.4.1', fetcher).watch((board) => seen.push(board && board.mac))
    await vi.advanceTimersByTimeAsync(10)
    there = false
    await vi.advanceTimersByTimeAsync(2_000)
    there = true
    await vi.advanceTimersByTimeAsync(2_000)
    expect(seen).toEqual(['AA:BB', null, 'AA:BB'])
    stop()
    await vi.advanceTimersByTimeAsync(20_000)
    expect(asked.length).toBeLessThan(5)
  })
})

test.each([
  ['192.168.4.1', true, false], ['10.0.0.1', true, false], ['172.16.0.1', true, false], ['172.32.0.1', false, false], ['169.254.1.1', true, false],
  ['4.3.2.1', false, false], ['127.0.0.1', false, true], ['localhost', false, true], ['[::1]', false, true], ['10.example.com', false, false], ['127.0.0.1.example', false, false],
])('%s is private: %s, of this machine: %s', (host, isPrivate, loopback) => {
  expect([isPrivateAddress(host), isLoopback(host)]).toEqual([isPrivate, loopback])
})

describe('a device of Edgent', () => {
  test('is asked unheard, without anything else going along', async () => {
    const { asked, fetcher } = network(opaque)
    await sendToEdgent('http://192.168.4.1', { ssid: 'a b' }, fetcher)
    expect(asked[0]!.url).toBe('http://192.168.4.1/config?ssid=a%20b')
    expect(asked[0]!.options).toMatchObject({ mode: 'no-cors', credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer', targetAddressSpace: 'local' })
    expect(asked[0]!.options.redirect ?? 'follow').toBe('follow')
  })

  test('that isn’t there ends it, without a word of what was sent', async () => {
    const failure = await sendToEdgent('http://192.168.4.1', { pass: 'secret-pass' }, network(unreachable).fetcher).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'not_reached' })
    expect(String((failure as Error).stack)).not.toContain('secret-pass')
  })
})

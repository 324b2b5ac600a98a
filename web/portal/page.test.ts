import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { readHop } from '../src/wizard/messages.ts'
import { board, open, Page, served, source, wizard } from './page.ts'

interface Vectors {
  links: { name: string; hash: string; wizards: string[] | null; opener: boolean; does: string; host?: string }[]
  to_page: { name: string; source: string; origin: string; data: unknown; does: string }[]
}

const vectors = JSON.parse(readFileSync(new URL('../../protocol/testdata/page.json', import.meta.url), 'utf8')) as Vectors

const config = { if: 'wifi', ssid: 'Home', pass: 'secret-pass', blynk: 'abcdefghijklmnopqrstuvwxyz-_0123', host: 'cloud.example', port: '80', port_ssl: '443' }
const configure = { tendril: 1, type: 'configure', id: '1', network: 'Home', config }
const home = { ssid: 'Home', rssi: -50, sec: 'WPA2' }

describe('links', () => {
  test.each(vectors.links)('$name', async ({ hash, wizards, opener, does, host }) => {
    const page = await open({ hash, opened: opener, device: { board: { ...board, wizards } } })
    expect(page.handed).toEqual([])
    expect(page.left).toBeNull()
    switch (does) {
      case 'by_hand':
        expect([page.shows('hand'), page.said, page.posted]).toEqual([true, '', []])
        break
      case 'refuse':
        expect(page.said).toBe(`${host} may not set up this device.`)
        expect([page.shows('hand'), page.shows('yes'), page.posted]).toEqual([true, false, []])
        await page.hear(configure)
        expect(page.shows('yes')).toBe(false)
        break
      case 'serve':
        expect(page.said).toContain(`(${host})`)
        expect(page.posted).toEqual([{ message: { tendril: 1, type: 'hello', board: { ...board, wizards }, networks: [] }, to: wizards?.[0] }])
        expect(page.shows('hand')).toBe(false)
        break
      case 'ask':
        expect(page.said).toBe(`Set up this device with ${host}?`)
        expect(page.posted).toEqual([])
        await page.hear({ tendril: 1, type: 'look' })
        expect(page.posted).toEqual([])
        await page.tap('yes')
        expect(page.count('hello')).toBe(1)
        break
      case 'ask_return':
        expect(page.said).toBe(`Go on at ${host}?`)
        await page.tap('yes')
        expect(page.left).toMatch(/^https:\/\/cloud\.example\/p\/myplant#device=[\w-]+$/)
        break
      default:
        throw new Error(`the vectors say "${does}"`)
    }
  })

  test('a tap on “Don’t” leads to the form', async () => {
    for (const [hash, opened] of [['#wizard=', true], ['#return=', false]] as const) {
      const page = await open({ hash: hash + encodeURIComponent(wizard), opened, device: { board: { ...board, wizards: [] } } })
      await page.tap('no')
      expect([page.shows('hand'), page.said, page.posted, page.left]).toEqual([true, '', [], null])
    }
  })
})

describe('messages to the page', () => {
  test.each(vectors.to_page)('$name', async ({ source, origin, data, does }) => {
    const page = await served({ networks: [home] })
    const before = { scans: page.asked.filter((a) => a.includes('scan')).length, hellos: page.count('hello'), said: page.said }
    await page.hear(data, origin, source === 'opener' ? page.opener : {})
    expect(page.handed).toEqual([])
    const did = []
    if (page.asked.filter((a) => a.includes('scan')).length > before.scans) did.push('scan')
    else if (page.count('hello') > before.hellos) did.push('look')
    if (page.closed) did.push('close')
    if (page.document.documentElement.lang !== 'en') did.push('texts')
    if (page.shows('yes')) did.push('ask')
    expect(did).toEqual(does === 'drop' ? [] : [does])
    if (does === 'drop') expect(page.said).toBe(before.said)
  })
})

async function asked(message: object = configure, device: Parameters<typeof served>[0] = {}): Promise<Page> {
  const page = await served({ networks: [home, { ssid: 'H\uFFFDme', ssid_hex: '48ff6d65', rssi: -60, sec: 'WPA2' }], ...device })
  await page.hear(message)
  return page
}

describe('a configuration from the wizard', () => {
  test('goes to the device after a tap that names the network, and its result to the wizard', async () => {
    const page = await asked()
    expect(page.said).toBe('Connect this device to “Home”?')
    await page.tap('yes')
    expect(page.handed.map((body) => Object.fromEntries(body))).toEqual([config])
    expect(page.posted.at(-1)).toEqual({ to: wizard, message: { tendril: 1, type: 'result', id: '1', result: { status: 'ok', msg: 'Trying to connect...' } } })
    expect(page.said).toContain('Done.')
    expect(page.shows('yes')).toBe(false)
  })

  test('is declined by a tap', async () => {
    const page = await asked()
    await page.tap('no')
    expect([page.handed, page.last('result')?.result, page.shows('yes')]).toEqual([[], { status: 'declined' }, false])
  })

  test('may be refused by the device', async () => {
    const refusal = { status: 'error', msg: 'Configuration invalid', field: 'pass' }
    const page = await asked(configure, { config: () => refusal })
    await page.tap('yes')
    expect(page.last('result')?.result).toEqual(refusal)
    expect(page.said).toContain('That didn’t work.')
  })

  test.each([
    ['the network goes', () => null],
    ['the answer is none of a device', () => Promise.reject(new SyntaxError())],
  ])('may go unanswered: %s', async (_, answer) => {
    const page = await asked(configure, { config: answer })
    await page.tap('yes')
    expect(page.last('result')?.result).toEqual({ status: 'unanswered' })
  })

  test('may go unanswered: the device says nothing', async () => {
    const page = await asked(configure, { config: () => new Promise(() => {}) })
    await page.tap('yes')
    await page.pass(10_000)
    expect(page.count('result')).toBe(0)
    await page.pass(10_000)
    expect(page.last('result')?.result).toEqual({ status: 'unanswered' })
  })

  test('is asked about by the name that is handed over', async () => {
    for (const [message, name] of [
      [{ network: 'Home', config: { ...config, ssid: 'Evil' } }, 'Evil'],
      [{ network: 'Home', config: { ...config, ssid: 'Home', ssidManual: 'Cellar' } }, 'Cellar'],
      [{ network: 'Home', config: { ssid_hex: '48ff6d65' } }, 'H\uFFFDme'],
      [{ network: '$& $1 $$', config: { ...config, ssid: '$& $1 $$' } }, '$& $1 $$'],
      [{ network: '<b>x', config: { ...config, ssid: '<img src=x onerror=alert(1)>' } }, '<img src=x onerror=alert(1)>'],
    ] as const) {
      const page = await asked({ ...configure, ...message })
      expect(page.said).toBe(`Connect this device to “${name}”?`)
      expect(page.by('said').children.length).toBe(0)
    }
  })

  test('hands over what a configuration has, and nothing else', async () => {
    const page = await asked({ ...configure, config: { ...config, pass: '', save: '1', reset: '1', __proto__: { host: 'evil.example' } } })
    await page.tap('yes')
    expect(Object.fromEntries(page.handed[0] ?? [])).toEqual({ ...config, pass: '' })
  })

  test('is replaced by a newer one until the tap, and by none after it', async () => {
    let answer = (_: unknown) => {}
    const page = await asked(configure, { config: () => new Promise((resolve) => (answer = resolve)) })
    await page.hear({ ...configure, id: '2', config: { ...config, ssid: 'Cellar' } })
    expect(page.said).toContain('Cellar')
    await page.tap('yes')
    await page.hear({ ...configure, id: '3', config: { ...config, ssid: 'Attic' } })
    expect(page.shows('yes')).toBe(false)
    answer({ status: 'ok', msg: '' })
    await page.settle()
    expect(page.handed.map((body) => body.get('ssid'))).toEqual(['Cellar'])
    expect(page.posted.filter(({ message }) => message.type === 'result').map(({ message }) => message.id)).toEqual(['2'])
    await page.hear({ ...configure, id: '4' })
    expect(page.shows('yes')).toBe(true)
  })
})

describe('a wizard is told', () => {
  test('what a rescan finds, and that one failed', async () => {
    const page = await served({ networks: [home] })
    page.device.networks = [home, { ...home, ssid: 'Cellar' }]
    await page.hear({ tendril: 1, type: 'scan' })
    expect(page.last('hello')?.networks).toEqual(page.device.networks)
    page.device.networks = { status: 'error', msg: 'The scan failed; try again' }
    await page.hear({ tendril: 1, type: 'scan' })
    expect(page.last('hello')?.networks).toBeNull()
  })

  test('why a device that went and came back could not connect', async () => {
    const page = await served()
    await page.hear(configure)
    await page.tap('yes')
    expect(page.said).toContain('Done.')
    await page.pass(10_000)
    expect(page.count('hello')).toBe(1)
    page.device.board = null
    await page.pass(10_000)
    expect(page.count('hello')).toBe(1)
    page.device.board = { ...board, last_error: 722 }
    await page.pass(10_000)
    expect(page.count('hello')).toBe(2)
    expect(page.last('hello')?.board).toEqual(page.device.board)
    expect(page.by('last').textContent).toContain('password was wrong')
    expect(page.said).toBe('Go back to the other page. (cloud.example)')
    // The same once more, as after the same mistake.
    page.device.board = null
    await page.pass(10_000)
    page.device.board = { ...board, last_error: 722 }
    await page.pass(10_000)
    expect(page.count('hello')).toBe(3)
  })

  test('of a failure that came between two looks', async () => {
    const page = await served()
    page.device.board = { ...board, last_error: 720 }
    await page.pass(2_000)
    expect(page.count('hello')).toBe(2)
  })

  test('in the customer’s language what the page asks', async () => {
    const page = await asked()
    await page.hear({ tendril: 1, type: 'texts', lang: 'de', texts: { connect_to: '„{network}“ verbinden?', connect: 'Verbinden', decline: '<b>Nein', other: 'x', failed: 7, back_to_wizard: 'x'.repeat(1000) } })
    expect([page.said, page.by('yes').textContent, page.by('no').textContent]).toEqual(['„Home“ verbinden?', 'Verbinden', '<b>Nein'])
    expect(page.document.documentElement.lang).toBe('de')
    await page.tap('no')
    expect(page.said.length).toBeLessThan(250)
    // Texts that it has change nothing that it says.
    const said = page.by('said')
    said.textContent = 'unchanged'
    await page.hear({ tendril: 1, type: 'texts', texts: { connect: 'Verbinden' } })
    expect(page.said).toBe('unchanged')
  })
})

test('a device that doesn’t answer is told of, with a way on', async () => {
  const page = await open({ hash: `#wizard=${encodeURIComponent(wizard)}`, opened: true, device: { board: null, networks: null } })
  expect(page.said).toContain('doesn’t answer')
  await page.tap('yes')
  expect([page.reloaded, page.posted]).toEqual([true, []])
})

test('while the device is looked at, nobody begins to type for nothing', () => {
  const page = new Page({ hash: `#wizard=${encodeURIComponent(wizard)}`, opened: true })
  expect([page.shows('hand'), page.said]).toEqual([false, 'Looking at the device…'])
})

test('a hop brings back what the wizard reads', async () => {
  const networks = [{ ...home, ssid: 'Küche 🏠 "\\' }, { ...home, ssid: '\u2028</script>' }]
  const page = await open({ hash: `#return=${encodeURIComponent(`${wizard}/p/myplant?x=1#old`)}`, device: { board: { ...board, name: '植物' }, networks } })
  await page.tap('yes')
  const [address, fragment] = (page.left ?? '').split('#')
  expect(address).toBe(`${wizard}/p/myplant?x=1`)
  const sight = readHop(`#${fragment}`)
  expect(sight?.board.name).toBe('植物')
  expect(sight?.networks?.map(({ name }) => name)).toEqual(networks.map(({ ssid }) => ssid))
})

describe('by hand', () => {
  const around = [
    { ...home, ssid: 'Far', rssi: -90 }, { ...home, ssid: 'Home', rssi: -80 }, { ...home, ssid: 'Café', rssi: -60, sec: 'OPEN' },
    home, { ...home, ssid: '', hidden: true, rssi: -20 }, { ...home, ssid: '\uFFFD', ssid_hex: 'ff', rssi: -70 }, { ...home, ssid: '__proto__', rssi: -95 },
  ]

  test('networks are listed once each, strongest first, with signal and lock', async () => {
    const page = await open({ device: { networks: around } })
    const options = [...page.by<HTMLSelectElement>('network').options].map((o) => o.textContent)
    expect(options).toEqual(['Home ▂▄▆█ 🔒', 'Café ▂▄▆ (open)', '\uFFFD ▂▄ 🔒', 'Far ▂ 🔒', '__proto__ ▂ 🔒', 'Another network…'])
    expect([page.shows('network'), page.shows('manual'), page.by('manual').disabled]).toEqual([true, false, true])
  })

  test('a search again keeps what was chosen, if it is still there', async () => {
    const page = await open({ device: { networks: around } })
    const chosen = () => page.by<HTMLSelectElement>('network').value
    expect(chosen()).toBe('sHome')
    await page.choose('sFar')
    await page.tap('again')
    expect(chosen()).toBe('sFar')
    await page.choose('')
    await page.tap('again')
    expect([chosen(), page.shows('manual')]).toEqual(['', true])
    await page.choose('sFar')
    page.device.networks = [home]
    await page.tap('again')
    expect([chosen(), page.shows('manual')]).toEqual(['sHome', false])
    page.device.networks = []
    await page.tap('again')
    expect([chosen(), page.shows('manual')]).toEqual(['', true])
  })

  test('what was typed goes to the device, by the name’s bytes where it has no text', async () => {
    const page = await open({ device: { networks: around } })
    await page.type({ pass: 'a&b=ü', blynk: 'k7qf 3m2p xw9t' })
    await page.submit()
    expect(Object.fromEntries(page.handed[0] ?? [])).toEqual({ if: 'wifi', ssid: 'Home', pass: 'a&b=ü', blynk: 'k7qf 3m2p xw9t' })
    expect(page.said).toContain('is connecting')
    expect(page.by('go').disabled).toBe(true)

    const other = await open({ device: { networks: around } })
    await other.choose('xff')
    await other.type({ blynk: 'K7QF-3M2P-XW9T' })
    await other.submit()
    expect(Object.fromEntries(other.handed[0] ?? [])).toEqual({ if: 'wifi', ssid_hex: 'ff', blynk: 'K7QF-3M2P-XW9T' })
  })

  test('another network, hidden, with a fixed address and a cloud of its own', async () => {
    const page = await open({ device: { networks: around } })
    expect(page.shows('hides')).toBe(false)
    await page.choose('')
    expect([page.shows('manual'), page.by('manual').disabled]).toEqual([true, false])
    page.by('hidden').checked = true
    const fixed = { ip: '10.0.0.2', mask: '255.0.0.0', gw: '10.0.0.1', dns: '9.9.9.9', host: 'iot.example', port: '8080', port_ssl: '8443' }
    await page.type({ manual: 'Cellar', pass: 'secret-pass', blynk: 'K7QF-3M2P-XW9T', ...fixed })
    await page.submit()
    expect(Object.fromEntries(page.handed[0] ?? [])).toEqual({ if: 'wifi', ssid: 'Cellar', ssidManual: 'Cellar', pass: 'secret-pass', blynk: 'K7QF-3M2P-XW9T', ...fixed })
  })

  test('without a scan the name is typed', async () => {
    for (const networks of [null, { status: 'error' }, 'rubbish']) {
      const page = await open({ device: { networks } })
      await page.type({ manual: 'Home', blynk: 'K7QF-3M2P-XW9T' })
      await page.submit()
      expect(page.handed[0]?.get('ssid')).toBe('Home')
    }
  })

  test('a refusal is told in words at the field, and nothing is lost', async () => {
    for (const [field, id] of [['pass', 'pass'], ['ssid', 'network'], ['blynk', 'blynk'], ['host', 'host'], ['mask', 'mask']] as const) {
      const page = await open({ device: { networks: around, config: () => ({ status: 'error', msg: 'Configuration invalid', field, hint: 'Do this.' }) } })
      await page.type({ pass: 'secret', blynk: 'K7QF' })
      await page.submit()
      expect([page.said, page.by('pass').value, page.by('go').disabled]).toEqual(['Do this.', 'secret', false])
      expect([page.document.activeElement?.id, page.by(id).getAttribute('aria-invalid')]).toEqual([id, 'true'])
      expect(page.by<HTMLDetailsElement>('more').open).toBe(['host', 'mask'].includes(field))
      page.device.config = () => ({ status: 'ok', msg: '' })
      await page.submit()
      expect(page.document.querySelector('[aria-invalid]')).toBeNull()
    }
  })

  test('a refusal of a device that gives no hint, or names no field, is told too', async () => {
    const page = await open({ device: { config: () => ({ status: 'error', msg: 'Busy' }) } })
    await page.submit()
    expect([page.said, page.by('go').disabled]).toEqual(['Busy', false])
  })

  test('no answer leaves the form as it is', async () => {
    const page = await open({ device: { config: () => null } })
    await page.submit()
    expect(page.said).toContain('No answer came')
    expect(page.by('go').disabled).toBe(false)
  })

  test.each([[722, 'password was wrong'], [720, '2.4 GHz'], [703, 'refused the code'], [712, 'sign-in page'], [799, 'code 799']])('the last failure is told in words: %i', async (code, words) => {
    const page = await open({ device: { board: { ...board, last_error: code } } })
    expect([page.shows('last'), page.by('last').textContent]).toEqual([true, expect.stringContaining(words)])
  })

  test('the device is asked now and then, so that its network stays', async () => {
    const page = await open()
    const before = page.asked.length
    await page.pass(60_000)
    expect(page.asked.slice(before)).toEqual(['GET /board_info.json', 'GET /board_info.json', 'GET /board_info.json'].slice(0, page.asked.length - before))
    expect(page.asked.length).toBeGreaterThan(before + 1)
  })
})

describe('browsers that can do little', () => {
  test.each([['fetch'], ['JSON'], ['Promise']])('without %s the form is a form', async (name) => {
    const page = await open({ without: [name] })
    const form = page.by<HTMLFormElement>('form')
    await page.submit()
    expect([form.getAttribute('method'), form.getAttribute('action'), page.asked, page.said]).toEqual(['post', '/config', [], ''])
    expect([page.shows('manual'), page.by('manual').disabled, page.by<HTMLSelectElement>('network').disabled]).toEqual([true, false, true])
    // What only a script makes work isn't shown.
    expect([page.shows('see'), page.shows('hides'), page.shows('again')]).toEqual([false, false, false])
  })

  test('without AbortController it works', async () => {
    const page = await open({ without: ['AbortController'], device: { networks: [home] } })
    expect(page.shows('network')).toBe(true)
  })
})

describe('the source', () => {
  test('says in English what the wizard’s catalogue says', () => {
    const catalogue = JSON.parse(readFileSync(new URL('../messages/en/wizard.json', import.meta.url), 'utf8')) as Record<string, string>
    const prefix = 'wizard.device_page.'
    const texts = Object.entries(catalogue).filter(([key]) => key.startsWith(prefix))
    const block = /var texts = \{([^}]*\{network\}[^}]*)\}/.exec(source)?.[1] ?? ''
    const own = [...block.matchAll(/(\w+): '([^']*)'/g)].map(([, key, text]) => [prefix + key, text])
    expect(own.length).toBeGreaterThan(5)
    expect(own.sort()).toEqual(texts.sort())
  })

  test('puts no text in as markup and keeps nothing', () => {
    expect(source).not.toMatch(/innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|Storage|indexedDB|cookie|caches/)
  })

  test('is the script that old browsers read', () => {
    const script = /<script>([\s\S]*)<\/script>/.exec(source)?.[1] ?? ''
    expect(script).not.toMatch(/=>|`|\b(let|const|class|async|await)\b|\?\.|\?\?|\.\.\.\w/)
  })

  test('labels everything that can be typed or chosen', async () => {
    const page = await open()
    for (const control of page.document.querySelectorAll('input:not([type=hidden]), select')) {
      expect(page.document.querySelector(`label[for=${control.id}]`) ?? control.closest('label'), control.id).not.toBeNull()
    }
  })
})

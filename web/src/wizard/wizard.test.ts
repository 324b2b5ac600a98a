import { beforeEach, describe, expect, test } from 'vitest'
import { ApiError } from '../api/client.ts'
import type { AttemptNow, CloudPort, TimelineStep } from './cloud.ts'
import { choiceOf } from './configuration.ts'
import { DeviceProblem, type DeviceLink, type Sight } from './device.ts'
import type { Memory, Report, SetupRecord } from './memory.ts'
import type { BoardInfo, Result } from './parse.ts'
import type { WizardProduct } from './product.ts'
import type { LocalAccess } from './ways.ts'
import { Wizard, type World } from './wizard.ts'

const product: WizardProduct = {
  product_id: 'TMPLabcdefgh', slug: 'myplant', name: 'myPlant', vendor: 'Blynk', setup: 'tendril',
  setup_network: { ssid_prefix: 'Blynk myPlant', unit_suffix: false },
  portal_url: 'http://192.168.4.1', accent: '#1f7a4d', accent_dark: '#7fd0a0', logo_url: null, texts: {},
}

const home = { name: 'Home', ssidHex: null, rssi: -50, open: false }
const password = 'secret-pass'

function board(change: Partial<BoardInfo> = {}): BoardInfo {
  return { templateId: product.product_id, name: 'myPlant', vendor: 'Blynk', ssid: 'Blynk myPlant', mac: 'AA:BB', lastError: 0, scans: true, staticAddress: true, code: true, ...change }
}

/** A cloud that does as the real one's API says, and can be out of reach. */
class FakeCloud implements CloudPort {
  reachable = true
  signedIn: string | null = 'anna'
  readonly attempts = new Map<string, { key: string; now: AttemptNow }>()
  readonly reports: Report[] = []
  private readonly followers = new Set<(step: TimelineStep) => void>()
  loseNextReply = false
  refusal: ApiError | null = null

  private check(): void {
    if (!this.reachable) throw new ApiError(0, 'unreachable')
    if (this.refusal) throw this.refusal
  }

  async account() {
    if (!this.reachable) throw new ApiError(0, 'unreachable')
    return this.signedIn
  }

  async open(_request: unknown, key: string) {
    this.check()
    let id = [...this.attempts].find(([, attempt]) => attempt.key === key)?.[0]
    if (!id) {
      id = `attempt-${this.attempts.size + 1}`
      this.attempts.set(id, { key, now: { state: 'issued', code: 0, deviceId: null } })
    }
    if (this.loseNextReply) {
      this.loseNextReply = false
      throw new ApiError(0, 'unreachable')
    }
    const open = !['online', 'cancelled', 'expired'].includes(this.attempts.get(id)!.now.state)
    return { id, token: open ? `token-of-${id}` : '', code: 'K7QF-3M2P-XW9T', expiresAt: '2030-01-01T00:30:00Z', server: { host: 'cloud.example', port: 80, tls_port: 443 } }
  }

  async attempt(id: string) {
    this.check()
    return this.attempts.get(id)!.now
  }

  follow(_id: string, onStep: (step: TimelineStep) => void, onHeard: (heard: boolean) => void) {
    this.followers.add(onStep)
    queueMicrotask(() => onHeard(this.reachable))
    return () => this.followers.delete(onStep)
  }

  async report(_id: string, report: Report) {
    this.check()
    this.reports.push({ ...report })
  }

  async cancel(id: string) {
    this.check()
    this.attempts.get(id)!.now.state = 'cancelled'
  }

  async rename() {
    this.check()
  }

  online(id: string): void {
    this.attempts.get(id)!.now = { state: 'online', code: 0, deviceId: 'device-1' }
    for (const follower of this.followers) follower({ step: 'online', code: 0 })
  }

  get open_(): string[] {
    return [...this.attempts].filter(([, { now }]) => ['issued', 'handed_over', 'failed'].includes(now.state)).map(([id]) => id)
  }
}

/** A device as its portal shows it. */
class FakeDevice implements DeviceLink {
  info: BoardInfo = board()
  there = true
  answer: Result | DeviceProblem = { status: 'ok', message: '', field: '' }
  readonly given: Record<string, string>[] = []
  private watcher: ((board: BoardInfo | null) => void) | null = null

  async look(onBoard?: (board: BoardInfo) => void): Promise<Sight> {
    const info = await this.board()
    onBoard?.(info)
    return { board: info, networks: await this.scan() }
  }
  async board() {
    if (!this.there) throw new DeviceProblem('not_reached')
    return this.info
  }
  async scan() {
    return [home]
  }
  async configure(_network: string, parameters: Record<string, string>) {
    this.given.push(parameters)
    if (this.answer instanceof DeviceProblem) throw this.answer
    return this.answer
  }
  watch(onBoard: (board: BoardInfo | null) => void) {
    this.watcher = onBoard
    return () => {
      this.watcher = null
    }
  }
  shows(info: BoardInfo | null): void {
    this.watcher?.(info)
  }
  close() {}
}

class FakeMemory implements Memory {
  text: string | null = null
  load() {
    return this.text === null ? null : (JSON.parse(this.text) as SetupRecord)
  }
  save(record: SetupRecord | null) {
    this.text = record && JSON.stringify(record)
  }
}

let cloud: FakeCloud
let device: FakeDevice
let memory: FakeMemory
let access: LocalAccess
let returned: Sight | null
let popup: boolean
let now: number
let keys: number
let edgent: Record<string, string>[]

beforeEach(() => {
  cloud = new FakeCloud()
  device = new FakeDevice()
  memory = new FakeMemory()
  access = 'granted'
  returned = null
  popup = true
  now = Date.parse('2030-01-01T00:00:00Z')
  keys = 0
  edgent = []
})

function world(): World {
  return {
    cloud, memory, access: async () => access, direct: () => device,
    window() {
      if (!popup) throw new DeviceProblem('popup_blocked')
      return device
    },
    leave() {}, returned: () => returned,
    edgent: { async reach() {}, async send(parameters) { edgent.push(parameters) }, navigate(parameters) { edgent.push(parameters) } },
    keep: async () => true, claim: async () => true, newKey: () => `key-${++keys}`, timeZone: () => 'Europe/Berlin', now: () => now, wait: async () => {},
  }
}

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

/** A wizard as a load of the page starts it. */
async function load(of: WizardProduct = product): Promise<Wizard> {
  const wizard = new Wizard(of, world())
  await wizard.start()
  return wizard
}

async function atChoose(): Promise<Wizard> {
  const wizard = await load()
  await wizard.begin()
  await wizard.joined()
  expect(wizard.state.step).toBe('choose')
  return wizard
}

async function watching(): Promise<Wizard> {
  const wizard = await atChoose()
  await wizard.handOver(choiceOf(home), password)
  expect(wizard.state.step).toBe('watching')
  return wizard
}

describe('the straight way', () => {
  test('leads from the box to the device online', async () => {
    const wizard = await load()
    expect(wizard.state.step).toBe('welcome')
    await wizard.begin()
    expect(wizard.state).toMatchObject({ step: 'join', kept: true, shortCode: 'K7QF-3M2P-XW9T' })
    await wizard.joined()
    expect(wizard.state).toMatchObject({ step: 'choose', way: 'direct', networks: [home] })
    await wizard.handOver(choiceOf(home), password)
    expect(device.given).toEqual([{ if: 'wifi', ssid: 'Home', pass: password, blynk: 'token-of-attempt-1', host: 'cloud.example', port: '80', port_ssl: '443' }])
    cloud.online('attempt-1')
    await settled()
    expect(wizard.state).toMatchObject({ step: 'online', deviceId: 'device-1' })
    expect(cloud.reports.map(({ step }) => step)).toEqual(['portal_found', 'configuration_accepted'])
    expect(memory.text).toBeNull()
  })

  test('signs in where nobody is signed in', async () => {
    cloud.signedIn = null
    const wizard = await load()
    await wizard.begin()
    expect(wizard.state.step).toBe('account')
    cloud.signedIn = 'anna'
    await wizard.signedIn()
    expect(wizard.state.step).toBe('join')
  })

  test('explains before the browser asks, and opens a window where it says no', async () => {
    access = 'ask'
    const wizard = await load()
    await wizard.begin()
    await wizard.joined()
    expect(wizard.state.step).toBe('explain_permission')
    device.there = false
    access = 'denied'
    await wizard.allow()
    expect(wizard.state).toMatchObject({ step: 'open_window', problem: 'permission_denied' })
    device.there = true
    await wizard.openWindow()
    expect(wizard.state).toMatchObject({ step: 'choose', way: 'window' })
    await wizard.handOver(choiceOf(home), password)
    expect(wizard.state.step).toBe('watching')
  })

  test('opens the window on the very tap where the browser knows no permission', async () => {
    access = 'unsupported'
    const wizard = await load()
    await wizard.begin()
    await wizard.joined()
    expect(wizard.state).toMatchObject({ step: 'choose', way: 'window' })
    popup = false
    wizard.back()
    await wizard.joined()
    expect(wizard.state).toMatchObject({ step: 'open_window', problem: 'popup_blocked' })
  })
})

describe('an attempt', () => {
  test('is asked for once: lost replies, reloads and double taps find the same', async () => {
    cloud.loseNextReply = true
    let wizard = await load()
    await wizard.begin()
    expect(wizard.state).toMatchObject({ step: 'preparing', problem: 'cloud_unreachable' })
    wizard = await load()
    await Promise.all([wizard.begin(), wizard.begin()])
    expect(wizard.state.step).toBe('join')
    wizard = await load()
    expect(wizard.state.step).toBe('join')
    expect([...cloud.attempts.keys()]).toEqual(['attempt-1'])
  })

  test('goes on by itself when the internet is back', async () => {
    cloud.loseNextReply = true
    const wizard = await load()
    await wizard.begin()
    expect(wizard.state).toMatchObject({ step: 'preparing', problem: 'cloud_unreachable' })
    await wizard.online()
    expect(wizard.state).toMatchObject({ step: 'join', problem: null })
  })

  test.each([
    [new ApiError(404, 'product_not_found', 'product_id'), 'ended', null, 'product_gone'],
    [new ApiError(429, 'too_many_open'), 'preparing', 'too_many_open', null],
    [new ApiError(503, 'store_unavailable'), 'preparing', 'cloud_failed', null],
    [new ApiError(401, 'unauthenticated'), 'account', null, null],
  ])('that is refused with %s has its words and its way on', async (refusal, step, problem, ending) => {
    cloud.refusal = refusal
    const wizard = await load()
    await wizard.begin()
    expect(wizard.state).toMatchObject({ step, problem, ending })
    cloud.refusal = null
    if (step === 'account') await wizard.signedIn()
    else await wizard.retry()
    expect(wizard.state.step).toBe('join')
  })

  test('whose token is about to end is not handed over; what was typed stays', async () => {
    const wizard = await atChoose()
    now = Date.parse('2030-01-01T00:29:30Z')
    await wizard.handOver(choiceOf(home), password)
    expect(device.given).toEqual([])
    expect(wizard.state).toMatchObject({ step: 'join', problem: 'expired', passwordKept: true })
    expect(cloud.attempts.size).toBe(2)
  })

  test('that expired is over, and a new one can begin', async () => {
    const wizard = await load()
    await wizard.begin()
    wizard.close()
    cloud.attempts.get('attempt-1')!.now.state = 'expired'
    const again = await load()
    expect(again.state).toMatchObject({ step: 'ended', ending: 'expired' })
    await again.retry()
    expect(again.state.step).toBe('join')
    expect(cloud.open_).toEqual(['attempt-2'])
  })
})

describe('a unit', () => {
  test('of another product gets nothing', async () => {
    device.info = board({ templateId: 'TMPLzzzzzzzz' })
    const wizard = await load()
    await wizard.begin()
    await wizard.joined()
    expect(wizard.state).toMatchObject({ step: 'join', problem: 'foreign_device' })
  })

  test('other than the one that was given the token gets an attempt of its own, after the old one is cancelled', async () => {
    const wizard = await watching()
    wizard.back()
    device.info = board({ mac: 'CC:DD' })
    cloud.reachable = false
    await wizard.joined()
    expect(wizard.state).toMatchObject({ step: 'preparing', problem: 'another_unit' })
    expect(cloud.open_).toEqual(['attempt-1'])
    // A reload doesn't make it forget that the old attempt must go first.
    const again = await load()
    expect(again.state).toMatchObject({ step: 'preparing', problem: 'another_unit' })
    cloud.reachable = true
    await again.online()
    expect(cloud.open_).toEqual(['attempt-2'])
    expect(again.state.step).toBe('join')
  })

  test('that comes back with an error says why, and goes on with the same attempt and what was right', async () => {
    const wizard = await watching()
    device.shows(null)
    device.shows(board({ lastError: 720 }))
    expect(wizard.state).toMatchObject({ step: 'failed', code: 720, passwordKept: true, choice: { name: 'Home' } })
    device.info = board({ lastError: 720 })
    await wizard.retry()
    expect(wizard.state.step).toBe('choose')
    await wizard.handOver(choiceOf(home), '')
    expect(device.given.map(({ pass, blynk }) => [pass, blynk])).toEqual([[password, 'token-of-attempt-1'], [password, 'token-of-attempt-1']])
    expect(wizard.state.step).toBe('watching')
    expect(cloud.reports.map(({ step, code }) => [step, code])).toContainEqual(['device_error', 720])
  })

  test('with the wrong password asks for the password alone', async () => {
    const wizard = await watching()
    device.shows(null)
    device.shows(board({ lastError: 722 }))
    expect(wizard.state).toMatchObject({ step: 'failed', code: 722, passwordKept: false, choice: { name: 'Home' } })
    await wizard.retry()
    await wizard.handOver(choiceOf(home), '')
    expect(wizard.state).toMatchObject({ step: 'choose', problem: 'password_missing' })
  })

  test('whose old error is still shown has not failed anew', async () => {
    const wizard = await watching()
    device.shows(board({ lastError: 722 }))
    expect(wizard.state.step).toBe('watching')
  })

  test('whose network stays open has nothing of what it was given', async () => {
    const wizard = await watching()
    now += 20_000
    device.shows(board())
    await settled()
    expect(wizard.state).toMatchObject({ step: 'choose', problem: 'not_received' })
  })

  test('whose login was told to nobody is online nevertheless', async () => {
    const wizard = await watching()
    cloud.attempts.get('attempt-1')!.now = { state: 'online', code: 0, deviceId: 'device-1' }
    now += 20_000
    device.shows(board())
    await settled()
    expect(wizard.state.step).toBe('online')
  })
})

describe('a hand-over', () => {
  test('without an answer is repeated, then left to the cloud', async () => {
    device.answer = { status: 'unanswered', message: '', field: '' }
    const wizard = await atChoose()
    await wizard.handOver(choiceOf(home), password)
    expect(device.given).toHaveLength(3)
    expect(wizard.state.step).toBe('watching')
  })

  test.each([
    [{ status: 'error', message: '', field: 'ssid' } as Result, 'choose', 'refused'],
    [new DeviceProblem('rubbish'), 'choose', 'rubbish'],
    [new DeviceProblem('declined'), 'choose', 'declined'],
    [new DeviceProblem('forbidden'), 'open_window', 'forbidden'],
    [new DeviceProblem('busy'), 'join', 'busy'],
    [new DeviceProblem('window_closed'), 'open_window', 'window_closed'],
  ])('answered with %o goes on from there', async (answer, step, problem) => {
    device.answer = answer
    const wizard = await atChoose()
    await wizard.handOver(choiceOf(home), password)
    expect(wizard.state).toMatchObject({ step, problem })
  })

  test.each([
    [{ ...choiceOf(home), name: '' }, password, 'ssid_missing'],
    [{ ...choiceOf(home), name: 'ä'.repeat(17) }, password, 'ssid_long'],
    [choiceOf(home), '', 'password_missing'],
    [choiceOf(home), 'seven77', 'password_length'],
    [{ ...choiceOf(home), address: { ip: '192.168.1.9', mask: '255.0.255.0', gw: '192.168.1.1', dns: '', dns2: '' } }, password, 'mask_unfit'],
    [{ ...choiceOf(home), address: { ip: '192.168.1.9', mask: '255.255.255.0', gw: '192.168.2.1', dns: '', dns2: '' } }, password, 'gateway_unfit'],
  ])('of what can’t be is refused here', async (choice, typed, problem) => {
    const wizard = await atChoose()
    await wizard.handOver(choice, typed)
    expect(device.given).toEqual([])
    expect(wizard.state).toMatchObject({ step: 'choose', problem })
  })

  test('to a device of Edgent goes unheard where the browser allows it', async () => {
    const wizard = await load({ ...product, setup: 'edgent' })
    await wizard.begin()
    await wizard.joined()
    expect(wizard.state).toMatchObject({ step: 'choose', networks: null })
    await wizard.handOver(choiceOf(home), password)
    expect(edgent).toHaveLength(1)
    expect(wizard.state.step).toBe('watching')
  })

  test('to a device of Edgent warns where the browser’s history would keep the password', async () => {
    access = 'unsupported'
    const wizard = await load({ ...product, setup: 'edgent' })
    await wizard.begin()
    await wizard.joined()
    await wizard.handOver(choiceOf(home), password)
    expect(wizard.state.step).toBe('edgent_warning')
    expect(edgent).toEqual([])
    wizard.navigateToEdgent()
    expect(edgent).toHaveLength(1)
    expect(wizard.state.step).toBe('watching')
  })
})

describe('a reload', () => {
  test('at any step finds its way on, and the password is nowhere', async () => {
    const steps: string[] = []
    for (const upTo of [0, 1, 2, 3]) {
      memory = new FakeMemory()
      cloud = new FakeCloud()
      device = new FakeDevice()
      const wizard = await load()
      if (upTo > 0) await wizard.begin()
      if (upTo > 1) await wizard.joined()
      if (upTo > 2) await wizard.handOver(choiceOf(home), password)
      expect(memory.text ?? '').not.toContain(password)
      expect(JSON.stringify(wizard.state)).not.toContain(password)
      wizard.close()
      cloud.reachable = false
      steps.push((await load()).state.step)
      expect(cloud.attempts.size).toBeLessThan(2)
    }
    expect(steps).toEqual(['welcome', 'join', 'join', 'watching'])
  })

  test('after a hop shows the code to be typed', async () => {
    const wizard = await load()
    await wizard.begin()
    wizard.close()
    cloud.reachable = false
    returned = { board: board(), networks: [home] }
    const back = await load()
    await settled()
    expect(back.state).toMatchObject({ step: 'by_hand', way: 'hop', networks: [home], shortCode: 'K7QF-3M2P-XW9T', offline: true })
    cloud.reachable = true
    cloud.online('attempt-1')
    await settled()
    expect(back.state.step).toBe('online')
  })

  test('after another account signed in begins anew', async () => {
    await watching()
    cloud.signedIn = 'bert'
    const wizard = await load()
    expect(wizard.state.step).toBe('welcome')
  })

  test('learns that what was typed by hand has worked', async () => {
    const wizard = await load()
    await wizard.begin()
    wizard.byHand()
    wizard.close()
    cloud.attempts.get('attempt-1')!.now = { state: 'online', code: 0, deviceId: 'device-1' }
    expect((await load()).state).toMatchObject({ step: 'online', deviceId: 'device-1' })
  })
})

test('reports wait for the internet', async () => {
  const wizard = await load()
  await wizard.begin()
  cloud.reachable = false
  await wizard.joined()
  await wizard.handOver(choiceOf(home), password)
  await settled()
  expect(wizard.state).toMatchObject({ step: 'watching', offline: true })
  expect(cloud.reports).toEqual([])
  cloud.reachable = true
  await wizard.online()
  await settled()
  expect(cloud.reports.map(({ step }) => step)).toEqual(['portal_found', 'configuration_accepted'])
})

test('cancelling leaves nothing behind', async () => {
  const wizard = await watching()
  await wizard.cancel()
  expect(wizard.state.step).toBe('welcome')
  expect(cloud.open_).toEqual([])
  expect(memory.text).toBeNull()
})

/** The world around the wizard, for tests: a cloud, units on a bench, a phone among networks. Time is vitest's. */
import { ApiError } from '../api/client.ts'
import type { AttemptRequest, CloudPort } from './cloud.ts'
import { DeviceProblem, type DeviceLink, type Sight } from './device.ts'
import type { Memory, Report, SetupRecord } from './memory.ts'
import { unitOf, type BoardInfo, type Network, type Result } from './parse.ts'
import type { WizardProduct } from './product.ts'
import type { AttemptNow, Follower } from './timeline.ts'
import type { LocalAccess } from './ways.ts'
import type { World } from './world.ts'

export const product: WizardProduct = {
  product_id: 'TMPLabcdefgh', slug: 'myplant', name: 'myPlant', vendor: 'Blynk', setup: 'tendril',
  setup_network: { ssid_prefix: 'Blynk myPlant', unit_suffix: false },
  portal_url: 'http://192.168.4.1', accent: '#1f7a4d', accent_dark: '#7fd0a0', logo_url: null, texts: {},
}

export const home: Network = { name: 'Home', ssidHex: null, rssi: -50, open: false }
export const password = 'secret-pass'

const minute = 60_000

interface FakeAttempt {
  key: string
  request: string
  account: string
  state: AttemptNow['state']
  deviceId: string | null
  expiresAt: number
  steps: { step: string; code: number }[]
  /** The units that were given its token. */
  units: Set<string>
}

/** A cloud that does as the real one's API says, and can be out of reach. */
export class FakeCloud implements CloudPort {
  up = true
  signedIn: string | null = 'anna'
  loseNextReply = false
  refusal: ApiError | null = null
  readonly attempts = new Map<string, FakeAttempt>()
  readonly reports: Report[] = []
  readonly names = new Map<string, string>()
  readonly devices = new Set<string>()
  private readonly followers = new Map<Follower, string>()

  /** reachable tells whether the phone has internet. */
  constructor(private readonly reachable: () => boolean = () => true) {}

  private check(): void {
    this.expire()
    if (!this.up || !this.reachable()) throw new ApiError(0, 'unreachable')
    if (this.refusal) throw this.refusal
  }

  private mine(id: string): FakeAttempt {
    this.check()
    if (this.signedIn === null) throw new ApiError(401, 'unauthenticated')
    const attempt = this.attempts.get(id)
    if (!attempt || attempt.account !== this.signedIn) throw new ApiError(404, 'provisioning_not_found')
    return attempt
  }

  private expire(): void {
    for (const [id, attempt] of this.attempts) if (isOpen(attempt) && Date.now() >= attempt.expiresAt) this.to(id, 'expired')
  }

  private to(id: string, state: AttemptNow['state'], step: string = state, code = 0): void {
    const attempt = this.attempts.get(id)!
    attempt.state = state
    attempt.steps.push({ step, code })
    for (const [follower, of] of this.followers) if (of === id) this.tell(follower, id)
  }

  private tell(follower: Follower, id: string): void {
    let now: AttemptNow
    try {
      now = this.now(this.mine(id))
    } catch (error) {
      return follower.lost(error as ApiError)
    }
    for (const step of now.timeline) if (this.followers.has(follower)) follower.step(step)
    if (this.followers.has(follower)) follower.now(now)
  }

  private now({ state, deviceId, steps }: FakeAttempt): AttemptNow {
    return { state, deviceId, timeline: steps.map((step) => ({ ...step })) }
  }

  async account(): Promise<string | null> {
    this.check()
    return this.signedIn
  }

  async open(request: AttemptRequest, key: string) {
    this.check()
    if (this.signedIn === null) throw new ApiError(401, 'unauthenticated')
    let id = [...this.attempts].find(([, attempt]) => attempt.key === key && attempt.account === this.signedIn)?.[0]
    if (!id) {
      id = `attempt-${this.attempts.size + 1}`
      this.attempts.set(id, { key, request: JSON.stringify(request), account: this.signedIn, state: 'issued', deviceId: null, expiresAt: Date.now() + 30 * minute, steps: [{ step: 'issued', code: 0 }], units: new Set() })
    }
    const attempt = this.attempts.get(id)!
    if (attempt.request !== JSON.stringify(request)) throw new ApiError(409, 'idempotency_key_reused')
    if (this.loseNextReply) {
      this.loseNextReply = false
      throw new ApiError(0, 'unreachable')
    }
    return { id, token: isOpen(attempt) ? `token-of-${id}` : '', code: 'K7QF-3M2P-XW9T', expiresAt: attempt.expiresAt, server: { host: 'cloud.example', port: 80, tls_port: 443 } }
  }

  async attempt(id: string): Promise<AttemptNow> {
    return this.now(this.mine(id))
  }

  follow(id: string, follower: Follower): () => void {
    this.followers.set(follower, id)
    const tell = () => this.tell(follower, id)
    queueMicrotask(tell)
    const timer = setInterval(tell, 8_000)
    return () => {
      clearInterval(timer)
      this.followers.delete(follower)
    }
  }

  async report(id: string, report: Report): Promise<void> {
    const attempt = this.mine(id)
    if (!isOpen(attempt)) throw new ApiError(409, 'provisioning_ended')
    this.reports.push({ ...report })
    if (report.step === 'configuration_accepted') attempt.expiresAt = Math.max(attempt.expiresAt, Date.now() + 10 * minute)
    const state = report.step === 'portal_found' ? attempt.state : report.step === 'device_error' ? 'failed' : 'handed_over'
    this.to(id, state, report.step, report.code)
  }

  async cancel(id: string): Promise<void> {
    const attempt = this.mine(id)
    if (attempt.state === 'online') throw new ApiError(409, 'already_online')
    if (!isOpen(attempt)) throw new ApiError(409, 'provisioning_ended')
    this.to(id, 'cancelled')
  }

  async rename(deviceId: string, name: string): Promise<void> {
    this.check()
    this.names.set(deviceId, name)
  }

  /** A device's login; says whether the token was good. */
  login(token: string): boolean {
    this.expire()
    const id = token.replace('token-of-', '')
    const attempt = this.attempts.get(id)
    if (!attempt || !(isOpen(attempt) || attempt.state === 'online')) return false
    if (attempt.state !== 'online') {
      attempt.deviceId = (JSON.parse(attempt.request) as AttemptRequest).deviceId ?? `device-of-${id}`
      this.devices.add(attempt.deviceId)
      this.to(id, 'online')
    }
    return true
  }

  /** Ends an attempt behind the wizard's back. */
  end(id: string, state: 'expired' | 'cancelled'): void {
    this.to(id, state)
  }

  get openAttempts(): string[] {
    this.expire()
    return [...this.attempts].filter(([, attempt]) => isOpen(attempt)).map(([id]) => id)
  }

  /** The units that hold a token of an open attempt. */
  get holders(): Set<string> {
    return new Set(this.openAttempts.flatMap((id) => [...this.attempts.get(id)!.units]))
  }
}

function isOpen({ state }: FakeAttempt): boolean {
  return state === 'issued' || state === 'handed_over' || state === 'failed'
}

export function board(change: Partial<BoardInfo> = {}): BoardInfo {
  return { templateId: product.product_id, name: 'myPlant', vendor: 'Blynk', ssid: 'Blynk myPlant', mac: 'AA:BB', lastError: 0, scans: true, staticAddress: true, code: true, ...change }
}

/** A unit with its portal, its restart and its tries. */
export class FakeUnit {
  info: BoardInfo
  /** Whether its setup network is open. */
  there = true
  /** What comes of handing over; "lost" stores, but its answer is lost; "deaf" neither hears nor answers. */
  answer: Result | DeviceProblem | 'lost' | 'deaf' = { status: 'ok', message: '', field: '' }
  /** The code that it fails with whatever it is given; 0 for none. */
  fails = 0
  readonly given: Record<string, string>[] = []

  constructor(private readonly cloud: FakeCloud, change: Partial<BoardInfo> = {}) {
    this.info = board(change)
  }

  async configure(parameters: Record<string, string>): Promise<Result> {
    if (this.answer instanceof DeviceProblem) {
      this.given.push(parameters)
      throw this.answer
    }
    if (this.answer === 'deaf') {
      this.given.push(parameters)
      return { status: 'unanswered', message: '', field: '' }
    }
    this.given.push(parameters)
    if (this.answer !== 'lost' && this.answer.status !== 'ok') return this.answer
    this.cloud.attempts.get((parameters.blynk ?? '').replace('token-of-', ''))?.units.add(unitOf(this.info))
    setTimeout(() => this.tryOut(parameters), 1_000)
    return this.answer === 'lost' ? { status: 'unanswered', message: '', field: '' } : this.answer
  }

  private tryOut(parameters: Record<string, string>): void {
    if (!this.there) return
    this.there = false
    setTimeout(() => {
      const token = parameters.blynk ?? ''
      const error = this.fails || (parameters.ssid !== home.name ? 720 : parameters.pass !== password ? 722 : this.cloud.login(token) ? 0 : 703)
      this.info = { ...this.info, lastError: error }
      this.there = error !== 0
    }, 9_000)
  }

  /** The power is cut and comes back. */
  powerCycle(): void {
    this.there = this.info.lastError !== 0 || this.given.length === 0
  }
}

/** The phone: where it is, what its browser allows, what its customer does on the device's page. */
export class FakePhone {
  /** The unit whose setup network it is on; null at home. */
  at: FakeUnit | null = null
  access: LocalAccess = 'granted'
  popups = true
  /** What the customer answers on the device's page. */
  onPage: 'connect' | 'decline' | 'close' = 'connect'
  returned: Sight | null = null
  finished: string | null = null
  keeps = true
  left = 0
  readonly edgent: Record<string, string>[] = []
}

/** A link to whatever unit the phone is at. */
class FakeLink implements DeviceLink {
  private readonly stops = new Set<() => void>()

  constructor(private readonly phone: FakePhone, private readonly way: 'direct' | 'window') {}

  private get unit(): FakeUnit {
    const { at, access } = this.phone
    if (!at?.there || (this.way === 'direct' && access !== 'granted')) throw new DeviceProblem('not_reached')
    return at
  }
  async look(onBoard?: (board: BoardInfo) => void): Promise<Sight> {
    const { info } = this.unit
    onBoard?.(info)
    return { board: info, networks: [home] }
  }
  async board() {
    return this.unit.info
  }
  async scan() {
    return this.unit.there ? [home] : null
  }
  async configure(_network: string, parameters: Record<string, string>): Promise<Result> {
    const { unit } = this
    if (this.way === 'window') {
      if (this.phone.onPage === 'close') throw new DeviceProblem('window_closed')
      if (this.phone.onPage === 'decline') throw new DeviceProblem('declined')
    }
    return unit.configure(parameters)
  }
  watch(onBoard: (board: BoardInfo | null) => void) {
    const timer = setInterval(() => {
      let seen: BoardInfo | null = null
      try {
        seen = this.unit.info
      } catch {
        // Not there.
      }
      onBoard(seen)
    }, 2_000)
    const stop = () => clearInterval(timer)
    this.stops.add(stop)
    return stop
  }
  leave() {
    for (const stop of this.stops) stop()
  }
  close() {
    this.leave()
  }
}

export class FakeMemory implements Memory {
  text: string | null = null
  lasting = true
  load() {
    return this.text === null ? null : (JSON.parse(this.text) as SetupRecord)
  }
  save(record: SetupRecord | null) {
    this.text = record && JSON.stringify(record)
  }
  lasts() {
    return this.lasting
  }
}

/** The tabs of one browser: one at a time has the wizard. */
export class FakeTabs {
  private holder: { lost: () => void } | null = null

  async claim(take: boolean, lost: () => void): Promise<(() => void) | null> {
    if (this.holder && !take) return null
    this.holder?.lost()
    const mine = { lost }
    this.holder = mine
    return () => {
      if (this.holder === mine) this.holder = null
    }
  }
}

/** Everything at once. */
export class FakeWorld {
  readonly phone = new FakePhone()
  readonly cloud = new FakeCloud(() => this.phone.at === null || this.mobileData)
  readonly unit = new FakeUnit(this.cloud)
  readonly other = new FakeUnit(this.cloud, { mac: 'CC:DD' })
  readonly memory = new FakeMemory()
  readonly tabs = new FakeTabs()
  /** Whether the cloud is reached from a setup network, too. */
  mobileData = false
  zone = 'Europe/Berlin'
  private keys = 0

  /** What one tab gets. */
  tab(): World {
    const { phone, cloud, memory, tabs } = this
    return {
      cloud, memory,
      access: async () => phone.access,
      direct: () => new FakeLink(phone, 'direct'),
      window() {
        if (!phone.popups) throw new DeviceProblem('popup_blocked')
        return new FakeLink(phone, 'window')
      },
      leave() {
        phone.left++
      },
      returned() {
        const sight = phone.returned
        phone.returned = null
        return sight
      },
      finish(deviceId) {
        phone.finished = deviceId
      },
      finished: () => phone.finished,
      edgent: {
        async reach() {
          if (!phone.at) throw new DeviceProblem('not_reached')
        },
        async send(parameters) {
          if (!phone.at) throw new DeviceProblem('not_reached')
          phone.edgent.push(parameters)
          void phone.at.configure(parameters)
        },
        navigate(parameters) {
          phone.edgent.push(parameters)
          void phone.at?.configure(parameters)
        },
      },
      keep: async () => phone.keeps,
      claim: (take, lost) => tabs.claim(take, lost),
      newKey: () => `key-${++this.keys}`,
      timeZone: () => this.zone,
      now: () => Date.now(),
      wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    }
  }
}

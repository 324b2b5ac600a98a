import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DeviceGround, SetupNetwork } from './ground/ground.ts'
import { ask } from './ground/http.ts'
import { Program } from './ground/process.ts'

/** A network in the air around a device, as an air file describes it. */
export interface AirNetwork {
  ssid?: string
  ssid_hex?: string
  password?: string
  security?: string
  rssi?: number
  channel?: number
  band?: '2.4' | '5'
  bssid?: string
  hidden?: boolean
  internet?: boolean
  captive_portal?: boolean
  dhcp?: boolean
  dns?: boolean
  router_down?: boolean
}

export interface DeviceEvent {
  at: string
  event: string
  ssid?: string
  portal?: string
  code?: number
  pin?: string
  value?: string
}

/** What the device's control shows of its state. */
export interface DeviceState {
  state: string
  setup_network?: string
  home_network?: string
  last_error: number
  configured: boolean
  trial: boolean
  online: boolean
  restarts: number
  mac: string
}

export interface DeviceOptions {
  product: { id: string; name: string; vendor: string }
  unitSuffix?: boolean
  air: AirNetwork[]
  ca: string
  /** The cloud that is compiled in. */
  cloud: { host: string; tlsPort: number }
  wizardOrigins: string[]
  flags?: string[]
}

/** A real virtual device, `tendril device run`, and the hands at it. */
export class Device {
  readonly events: DeviceEvent[] = []
  /** The setup network while it is open. */
  setup: SetupNetwork | null = null
  private readonly air: string
  private program: Program | null = null
  private waiting: (() => void)[] = []

  constructor(
    readonly ground: DeviceGround,
    private readonly command: string[],
    private readonly options: DeviceOptions,
    /** Hears that the setup network is gone. */
    private readonly closed: (network: SetupNetwork) => Promise<void>,
  ) {
    this.air = join(ground.folder, 'air.json')
  }

  /** Plugs it in, and waits for its setup network or, where it knows a way, for the cloud. */
  async start(): Promise<void> {
    const { product, unitSuffix, ca, cloud, wizardOrigins, flags, air } = this.options
    this.around(air)
    const { host, port } = this.ground.control
    const argv = [
      ...this.command, '--json', '--state', join(this.ground.folder, 'flash'), '--air', this.air,
      '--product', product.id, '--name', product.name, '--vendor', product.vendor, ...(unitSuffix ? ['--unit-suffix'] : []),
      '--portal', this.ground.portal, ...(this.ground.dns ? ['--portal-dns', this.ground.dns] : []), '--control', `${host}:${port}`, '--ca', ca, '--cloud-host', cloud.host, '--cloud-tls-port', String(cloud.tlsPort),
      ...wizardOrigins.flatMap((origin) => ['--wizard-origin', origin]), ...(flags ?? []),
    ]
    const log = join(this.ground.folder, 'device.log')
    this.program = new Program('the device', this.ground.command(argv), { log, line: (line) => this.hear(JSON.parse(line) as DeviceEvent) })
    const from = this.events.length
    await this.program.until(() => this.events.slice(from).some(({ event }) => event === 'setup_network_up' || event === 'logged_in'), 'setup network')
  }

  async stop(): Promise<void> {
    await this.program?.stop()
    this.program = null
  }

  /** Changes the networks in the air. */
  around(networks: AirNetwork[]): void {
    writeFileSync(this.air, JSON.stringify(networks))
  }

  /** The first event of that name after the mark, once it has come. */
  async until(name: string, options: { since?: number; timeout?: number } = {}): Promise<DeviceEvent> {
    const deadline = Date.now() + (options.timeout ?? 20_000)
    for (;;) {
      const found = this.events.slice(options.since ?? 0).find(({ event }) => event === name)
      if (found) return found
      const left = deadline - Date.now()
      if (left <= 0) throw new Error(`the device did not come to ${name}; it told of ${this.events.map(({ event }) => event).join(', ')}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  /** A mark for until: what comes from now on. */
  get mark(): number {
    return this.events.length
  }

  state(): Promise<DeviceState> {
    return this.control('GET', '/state')
  }

  /** Its virtual pins and what they hold. */
  pins(): Promise<Record<string, string>> {
    return this.control('GET', '/pins')
  }

  power(on: boolean): Promise<DeviceState> {
    return this.control('POST', '/power', { on })
  }

  button(milliseconds: number): Promise<DeviceState> {
    return this.control('POST', '/button', { held_ms: milliseconds })
  }

  /** Lets it measure a value. */
  measure(pin: string, value: string): Promise<DeviceState> {
    return this.control('POST', '/write', { pin, value })
  }

  private hear(event: DeviceEvent): void {
    this.events.push(event)
    if (event.event === 'setup_network_up' && event.ssid && event.portal) {
      this.setup = { ssid: event.ssid, device: this.ground, portal: new URL(event.portal).host }
    }
    if (event.event === 'setup_network_gone' || event.event === 'powered_off') {
      const gone = this.setup
      this.setup = null
      if (gone) void this.closed(gone)
    }
    const waiting = this.waiting
    this.waiting = []
    for (const wake of waiting) wake()
  }

  private async control<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { host, port } = this.ground.control
    const socket = await this.ground.connect(host, port)
    const text = body === undefined ? '' : JSON.stringify(body)
    const answer = await ask(socket, method, path, { host: `${host}:${port}`, body: text, headers: { 'Content-Type': 'application/json' } })
    if (answer.status !== 200) throw new Error(`the device's control, ${method} ${path}: ${answer.status} ${answer.body}`)
    return JSON.parse(answer.body) as T
  }
}

import { type Browser, type Kind, type Tab } from './browser/browser.ts'
import { Chromium, type ChromiumOptions } from './browser/chromium.ts'
import { Firefox } from './browser/firefox.ts'
import { WebKit } from './browser/webkit.ts'
import type { Device } from './device.ts'
import type { PhoneGround, SetupNetwork } from './ground/ground.ts'
import { type Answer, ask } from './ground/http.ts'
import type { Lab } from './lab.ts'

/** What phones ask a network to learn whether it leads to the internet, and what tells them so. */
export const probes = {
  android: { host: 'connectivitycheck.gstatic.com', path: '/generate_204', status: 204, body: '' },
  apple: { host: 'captive.apple.com', path: '/hotspot-detect.html', status: 200, body: 'Success' },
  windows: { host: 'www.msftconnecttest.com', path: '/connecttest.txt', status: 200, body: 'Microsoft Connect Test' },
  firefox: { host: 'detectportal.firefox.com', path: '/success.txt', status: 200, body: 'success\n' },
} as const

/** The customer's phone: what it is joined to, and its browser. */
export class Phone {
  /** The name of the WiFi that it is on; null for none. */
  network: string | null = null
  /**
   * Whether it goes back to the home WiFi by itself when the setup network is gone,
   * as phones do.
   */
  returnsHome = true
  private moving: Promise<void> = Promise.resolve()

  private started: Browser | null = null
  private closed = false

  private constructor(
    private readonly lab: Lab,
    readonly ground: PhoneGround,
  ) {}

  /** A phone on the home WiFi; without a browser where kind is none. */
  static async start(lab: Lab, kind: Kind | 'none', options: ChromiumOptions): Promise<Phone> {
    const ground = await lab.ground.addPhone()
    lab.trustOn(ground)
    const phone = new Phone(lab, ground)
    await phone.join(lab.home.ssid)
    if (kind !== 'none') phone.started = await startBrowser(lab, ground, kind, options)
    return phone
  }

  get browser(): Browser {
    if (!this.started) throw new Error('this phone has no browser')
    return this.started
  }

  /** Closes the browser; what it keeps on disk is written then. */
  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.started?.close()
  }

  /** Joins a WiFi by its name: the home network, or a setup network that is in the air. */
  join(ssid: string): Promise<void> {
    return this.move(() => this.enter(ssid))
  }

  /** Joins the setup network of one device of several. */
  joinSetupOf(device: Device): Promise<void> {
    return this.move(async () => {
      if (!device.setup) throw new Error('the device has no setup network open')
      await this.ground.joinSetup(device.setup)
      this.network = device.setup.ssid
    })
  }

  /** Falls off the WiFi. */
  leave(): Promise<void> {
    return this.move(async () => {
      await this.ground.leave()
      this.network = null
    })
  }

  mobileData(on: boolean): Promise<void> {
    return this.move(() => this.ground.mobileData(on))
  }

  /** Hears that a setup network is gone. */
  lost(network: SetupNetwork): Promise<void> {
    return this.move(async () => {
      if (this.network !== network.ssid) return
      await this.ground.leave()
      this.network = null
      if (this.returnsHome) await this.enter(this.lab.home.ssid)
    })
  }

  /** The phone's last move, or that it has made none. */
  settled(): Promise<void> {
    return this.moving
  }

  /** Asks as that system does whether the network leads to the internet; null: no answer. */
  async probe(system: keyof typeof probes): Promise<Answer | null> {
    const { host, path } = probes[system]
    try {
      return await ask(await this.ground.connect(host, 80), 'GET', path, { host })
    } catch {
      return null
    }
  }

  tab(): Promise<Tab> {
    return this.browser.tab()
  }

  private async enter(ssid: string): Promise<void> {
    if (ssid === this.lab.home.ssid) {
      await this.ground.joinHome()
    } else {
      const network = this.lab.networks.find((network) => network.ssid === ssid)
      if (!network) throw new Error(`no network ${ssid} is in the air`)
      await this.ground.joinSetup(network)
    }
    this.network = ssid
  }

  /** One move after the other, as the radio makes them. */
  private move(act: () => Promise<void>): Promise<void> {
    const moved = this.moving.then(act)
    this.moving = moved.catch(() => {})
    return moved
  }
}

function startBrowser(lab: Lab, ground: PhoneGround, kind: Kind, options: ChromiumOptions): Promise<Browser> {
  switch (kind) {
    case 'chromium':
      return Chromium.start(ground, lab.cloud.ca, lab.ground.kind === 'loopback' ? { publicAddresses: lab.pages, ...options } : options)
    case 'firefox':
      return Firefox.start(ground, lab.cloud.ca)
    case 'webkit':
      return lab.display().then((display) => WebKit.start(ground, display, lab.ground.kind === 'namespaces'))
  }
}

import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Kind } from './browser/browser.ts'
import type { ChromiumOptions } from './browser/chromium.ts'
import { type Account, Cloud, type OwnedDevice } from './cloud.ts'
import { type AirNetwork, Device, type DeviceOptions } from './device.ts'
import { EdgentDevice, type EdgentOptions } from './edgent.ts'
import type { DeviceGround, Ground, PhoneGround, SetupNetwork } from './ground/ground.ts'
import { ask } from './ground/http.ts'
import { Loopback } from './ground/loopback.ts'
import { Namespaces } from './ground/namespaces.ts'
import { Program } from './ground/process.ts'
import { own, prefix } from './leftovers.mjs'
import { Phone, probes } from './phone.ts'

/** What globalSetup found out and made for all tests. */
export interface Prepared {
  /** The program that is tested. */
  binary: string
  /** What is run as a device: the virtual one's command, or the firmware's program. */
  device: string[]
  ground: Ground['kind']
}

export interface ProductOptions {
  name: string
  vendor: string
  unit_suffix?: boolean
  datastreams?: { pin: string; name: string; type: string; min?: number; max?: number; unit?: string; labels?: string[]; default?: string }[]
  [member: string]: unknown
}

export interface LabOptions {
  product?: Partial<ProductOptions>
  /** What `tendril serve` is told beside where it is. */
  cloudFlags?: string[]
  /** The air around devices, beside the home network; by default the neighbours'. */
  neighbours?: AirNetwork[]
}

/** A product as the API shows it. */
export interface Product {
  id: string
  name: string
  vendor: string
  [member: string]: unknown
}

const plant: ProductOptions = {
  name: 'myPlant',
  vendor: 'Blynk',
  datastreams: [
    { pin: 'V0', name: 'moisture', type: 'double', min: 0, max: 100, unit: '%' },
    { pin: 'V1', name: 'pump', type: 'enum', labels: ['off', 'on'], default: 'off' },
  ],
}

const neighbours: AirNetwork[] = [
  { ssid: 'Neighbour', password: 'not-for-you', rssi: -71, channel: 1 },
  { ssid: 'Café Guests', rssi: -84, channel: 11, captive_portal: true },
]

/** One world for one test: a cloud, devices, the home network and phones. */
export class Lab {
  /** The home WiFi. Its password is random, so that it is found wherever it got to. */
  readonly home = { ssid: 'Home', password: `pass-${randomBytes(9).toString('base64url')}-ß` }
  readonly devices: Device[] = []
  readonly phones: Phone[] = []
  private readonly edgents: EdgentDevice[] = []
  product!: Product
  /** The first device, of the product. */
  device!: Device
  /** Where the tests' own pages are served, host:port. */
  readonly pages: string[] = []
  private readonly foreign: SetupNetwork[] = []
  private xvfb: Promise<string> | null = null
  private readonly programs: Program[] = []

  private constructor(
    readonly ground: Ground,
    private readonly deviceCommand: string[],
    readonly cloud: Cloud,
    private readonly air: AirNetwork[],
  ) {}

  /** Makes a lab with a product and a device that has its setup network open. */
  static async start(prepared: Prepared, options: LabOptions = {}): Promise<Lab> {
    const folder = mkdtempSync(join(tmpdir(), prefix))
    own(folder)
    const ground = await (prepared.ground === 'namespaces' ? Namespaces : Loopback).start(folder)
    const cloud = new Cloud(ground, prepared.binary, options.cloudFlags ?? [])
    const lab = new Lab(ground, prepared.device, cloud, options.neighbours ?? neighbours)
    try {
      await cloud.start()
      await lab.serveProbes()
      lab.product = await lab.makeProduct(options.product)
      lab.device = await lab.addDevice()
    } catch (error) {
      await lab.stop()
      throw error
    }
    return lab
  }

  get cloudHost(): string {
    return new URL(this.cloud.url).hostname
  }

  /**
   * Serves the test's own page over TLS from another port of the cloud's machine;
   * gives its origin. Phones that are to see it start after it.
   */
  async serve(handler: RequestListener): Promise<string> {
    const pem = readFileSync(join(this.cloud.data, 'tls.pem'))
    const { host, port } = await this.ground.placeForPage()
    this.pages.push(`${host}:${port}`)
    await this.ground.cloud.serve(host, port, createSecureServer({ key: pem, cert: pem }, handler))
    return `https://${this.cloudHost}:${port}`
  }

  makeProduct(options: Partial<ProductOptions> = {}): Promise<Product> {
    return this.cloud.api('POST', '/products', { ...plant, ...options })
  }

  /** Powers one more device, of the lab's product or another. */
  async addDevice(options: Partial<DeviceOptions> = {}): Promise<Device> {
    const ground = await this.ground.addDevice()
    const device = new Device(
      ground, this.deviceCommand,
      { product: this.product, air: this.around(), ca: this.cloud.ca, cloud: { host: this.cloudHost, tlsPort: this.ground.tlsPort }, wizardOrigins: [this.cloud.url], ...options },
      (network) => this.closed(network),
    )
    this.devices.push(device)
    await device.start()
    return device
  }

  /** What devices hear; home says what is different about the home network. */
  around(home: AirNetwork = {}): AirNetwork[] {
    return [{ ...this.home, rssi: -50, channel: 6, ...home }, ...this.air]
  }

  /** Brings the first device online for that account, without a browser; gives what the cloud made of it. */
  async own(account: Account): Promise<OwnedDevice> {
    const call = await this.cloud.signIn(account)
    const { token } = await call<{ token: string }>('POST', '/provisionings', { product_id: this.product.id })
    const phone = await this.phone('none')
    await phone.joinSetupOf(this.device)
    const { hostname, host, port } = new URL(this.ground.portalURL)
    const body = new URLSearchParams({ ssid: this.home.ssid, pass: this.home.password, blynk: token }).toString()
    const answer = await ask(await phone.ground.connect(hostname, Number(port || 80)), 'POST', '/config', {
      host, body, headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    })
    if (answer.status !== 200) throw new Error(`the device refused its configuration: ${answer.body}`)
    await this.device.until('proven')
    const [device] = await call<{ items: OwnedDevice[] }>('GET', '/devices').then(({ items }) => items)
    if (!device) throw new Error('the account has no device')
    return device
  }

  /** A phone on the home WiFi with that browser. */
  async phone(kind: Kind | 'none' = 'chromium', options: ChromiumOptions = {}): Promise<Phone> {
    const phone = await Phone.start(this, kind, options)
    this.phones.push(phone)
    return phone
  }

  /** The setup networks that phones can join now. */
  get networks(): SetupNetwork[] {
    return [...this.devices.flatMap(({ setup }) => setup ?? []), ...this.foreign]
  }

  /**
   * Opens a setup network of that name with a portal of the test's own; gives what
   * closes it, which drops the phones on it.
   */
  async openNetwork(device: DeviceGround, ssid: string, portal: RequestListener): Promise<() => Promise<void>> {
    const [host, port] = device.portal.split(':') as [string, string]
    const server = createServer(portal)
    const end = await device.serve(host, Number(port), server)
    // On loopback the port was chosen when it was listened on.
    const bound = server.address()
    const network = { ssid, device, portal: bound && typeof bound === 'object' ? `${host}:${bound.port}` : device.portal }
    this.foreign.push(network)
    return async () => {
      end()
      server.closeAllConnections()
      this.foreign.splice(this.foreign.indexOf(network), 1)
      await this.closed(network)
    }
  }

  /** A device of the Edgent kind, with its setup network open. */
  async addEdgent(options: Partial<EdgentOptions> = {}): Promise<EdgentDevice> {
    const device = new EdgentDevice(await this.ground.addDevice(), this, options)
    this.edgents.push(device)
    await device.start()
    return device
  }

  /** An X server for browsers that want one; its name as in ":1". */
  display(): Promise<string> {
    this.xvfb ??= this.startDisplay()
    return this.xvfb
  }

  /** Lets programs on that machine trust the cloud's authority, where machines have stores of their own. */
  trustOn(machine: PhoneGround | DeviceGround): void {
    if (this.ground.kind !== 'namespaces') return
    const own = readFileSync('/etc/ssl/certs/ca-certificates.crt')
    writeFileSync(join(machine.folder, 'ca-certificates.crt'), Buffer.concat([own, readFileSync(this.cloud.ca)]))
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.phones.map((phone) => phone.close()))
    await Promise.allSettled([...this.devices, ...this.edgents].map((device) => device.stop()))
    await this.cloud.stop()
    await Promise.all(this.programs.map((program) => program.stop()))
    await this.ground.stop()
    rmSync(this.ground.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  /** The logs of everything, and what the devices told, for who looks for why a test failed. */
  logs(): string {
    const logs = readdirSync(this.ground.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /^(cloud|device|edgent|webkit|firefox)\.log$/.test(entry.name))
      .map((entry) => `== ${entry.name}\n${readFileSync(join(entry.parentPath, entry.name), 'utf8').split('\n').slice(-40).join('\n')}`)
    const told = this.devices.map((device) => device.events.map(({ at, event, ssid, code }) => [at, event, ssid, code].filter(Boolean).join(' ')).join('\n'))
    return [...logs, ...told.map((lines, i) => `== device ${i + 1}\n${lines}`), `== phones: ${this.phones.map(({ network }) => network ?? 'off').join(', ')}`].join('\n')
  }

  private async closed(network: SetupNetwork): Promise<void> {
    await Promise.allSettled(this.phones.map((phone) => phone.lost(network)))
  }

  /** The internet's answer to those who ask whether they are on it. */
  private async serveProbes(): Promise<void> {
    if (this.ground.kind !== 'namespaces') return
    const server = createServer((request, response) => {
      const probe = Object.values(probes).find(({ host }) => host === request.headers.host)
      response.statusCode = probe?.status ?? 404
      response.end(probe?.body)
    })
    await this.ground.cloud.serve('203.0.113.80', 80, server)
  }

  private async startDisplay(): Promise<string> {
    let display = ''
    // Not inside: servers find a free number by files that all labs share.
    const argv = ['setpriv', '--pdeathsig', 'KILL', '--', 'Xvfb', '-displayfd', '1', '-screen', '0', '1280x1024x24', '-nolisten', 'tcp']
    const program = new Program('Xvfb', argv, { log: join(this.ground.folder, 'xvfb.log'), line: (line) => (display = `:${line}`) })
    this.programs.push(program)
    await program.until(() => display !== '', 'display')
    return display
  }
}

import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { Transform } from 'node:stream'
import type { AddressInfo } from 'node:net'
import type { DeviceGround, Ground, Line, Machine, PhoneGround, SetupNetwork } from './ground.ts'
import { Program } from './process.ts'

const address = '127.0.0.1'

/**
 * One machine for all, where networks can't be made: the phone reaches the cloud and
 * the portal through gates that open and close as it joins and leaves.
 */
export class Loopback implements Ground {
  readonly kind = 'loopback'
  readonly cloud: Machine
  private readonly phones: LoopbackPhone[] = []
  private readonly toCloud = new Gate()
  private readonly toPortal = new Gate('clear')
  private ports = { plain: 0, tls: 0 }
  private devices = 0
  private line: Program | null = null
  private slowly: number | null = null

  static async start(folder: string): Promise<Loopback> {
    const lab = new Loopback(folder)
    await Promise.all([lab.toCloud.open(), lab.toPortal.open()])
    return lab
  }

  private constructor(readonly folder: string) {
    this.cloud = new LoopbackMachine(folder, 'cloud')
  }

  get publicURL(): string {
    return `https://localhost:${this.toCloud.port}`
  }

  get portalURL(): string {
    return `http://${address}:${this.toPortal.port}`
  }

  get apiPort(): number {
    return this.ports.plain
  }

  get tlsPort(): number {
    return this.ports.tls
  }

  cloudFlags(): string[] {
    const { plain, tls } = this.ports
    return ['--public-url', this.publicURL, '--portal-url', this.portalURL, '--device-host', 'localhost', '--listen', `${address}:${plain}`, '--listen-tls', `${address}:${tls}`]
  }

  cloudIsUp(ports: { plain: number; tls: number }): void {
    this.ports = ports
    this.route()
  }

  async placeForPage(): Promise<{ host: string; port: number }> {
    return { host: address, port: await freePort() }
  }

  async slow({ rtt, down, up }: Line): Promise<void> {
    const port = await freePort()
    let ready = false
    const line = new Program(
      'the slow line',
      [process.execPath, join(import.meta.dirname, 'slow.mjs'), address, String(port), address, String(this.ports.tls), String(rtt), String(down), String(up)],
      { log: join(this.folder, 'slow.log'), line: () => (ready = true) },
    )
    this.line = line
    await line.until(() => ready, 'start')
    this.slowly = port
    this.route()
  }

  async addDevice(): Promise<DeviceGround> {
    return new LoopbackDevice(this.folder, `device-${++this.devices}`, await freePort())
  }

  async addPhone(): Promise<PhoneGround> {
    const phone = new LoopbackPhone(this.folder, `phone-${this.phones.length + 1}`, () => this.route())
    this.phones.push(phone)
    return phone
  }

  async stop(): Promise<void> {
    this.toCloud.close()
    this.toPortal.close()
    await this.line?.stop()
  }

  /** Opens and closes the gates, which all phones share. */
  private route(): void {
    const setup = this.phones.findLast((phone) => phone.setup)?.setup
    this.toCloud.lead(this.phones.some((phone) => phone.internet) ? (this.slowly ?? this.ports.tls) : null)
    this.toPortal.lead(setup ? Number(setup.portal.split(':').at(-1)) : null)
  }
}

/**
 * A port that leads to another, or to nowhere. In clear text it replaces the one
 * port by the other, because a portal turns away who asks for it by a name that
 * isn't its own.
 */
class Gate {
  private readonly server = createServer((visitor) => this.pass(visitor))
  private readonly visitors = new Set<Socket>()
  private to: number | null = null

  constructor(private readonly text: 'clear' | 'secure' = 'secure') {}

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  async open(): Promise<void> {
    this.server.listen(0, address)
    await once(this.server, 'listening')
  }

  lead(to: number | null): void {
    if (to === this.to) return
    this.to = to
    for (const visitor of this.visitors) visitor.destroy()
  }

  close(): void {
    this.lead(null)
    this.server.close()
  }

  private pass(visitor: Socket): void {
    visitor.on('error', () => visitor.destroy())
    if (this.to === null) {
      visitor.destroy()
      return
    }
    const onward = connect(this.to, address)
    onward.on('error', () => visitor.destroy())
    this.visitors.add(visitor)
    visitor.on('close', () => {
      this.visitors.delete(visitor)
      onward.destroy()
    })
    onward.on('close', () => visitor.destroy())
    if (this.text === 'secure') {
      visitor.pipe(onward).pipe(visitor)
    } else {
      visitor.pipe(renamed(this.port, this.to)).pipe(onward)
      onward.pipe(renamed(this.to, this.port)).pipe(visitor)
    }
  }
}

/** A stream that replaces one port of this machine by another, of as many digits, in what is said in clear. */
function renamed(from: number, to: number): Transform {
  const [old, current] = [from, to].map((port) => Buffer.from(`${address}:${port}`)) as [Buffer, Buffer]
  return new Transform({
    transform(chunk: Buffer, _, done) {
      for (let at = chunk.indexOf(old); at >= 0; at = chunk.indexOf(old, at + old.length)) chunk.set(current, at)
      done(null, chunk)
    },
  })
}

class LoopbackMachine implements Machine {
  readonly folder: string

  constructor(folder: string, readonly name: string) {
    this.folder = join(folder, name)
    mkdirSync(this.folder)
  }

  command(argv: string[]): string[] {
    return argv
  }

  async connect(host: string, port: number): Promise<Socket> {
    const socket = connect(port, host)
    await once(socket, 'connect')
    return socket
  }

  async serve(host: string, port: number, server: Server): Promise<() => void> {
    server.listen(port, host)
    await once(server, 'listening')
    return () => server.close()
  }
}

class LoopbackDevice extends LoopbackMachine implements DeviceGround {
  readonly portal = `${address}:0`
  readonly dns = null
  readonly control: { host: string; port: number }

  constructor(folder: string, name: string, port: number) {
    super(folder, name)
    this.control = { host: address, port }
  }
}

/** A port that nobody listens on, a moment ago. */
export async function freePort(): Promise<number> {
  const gate = new Gate()
  await gate.open()
  const { port } = gate
  gate.close()
  return port
}

class LoopbackPhone extends LoopbackMachine implements PhoneGround {
  setup: SetupNetwork | null = null
  private home = false
  private mobile = false

  constructor(folder: string, name: string, private readonly route: () => void) {
    super(folder, name)
  }

  get internet(): boolean {
    return this.home || this.mobile
  }

  async joinHome(): Promise<void> {
    this.go(true, null)
  }

  async joinSetup(network: SetupNetwork): Promise<void> {
    this.go(false, network)
  }

  async leave(): Promise<void> {
    this.go(false, null)
  }

  async mobileData(on: boolean): Promise<void> {
    this.mobile = on
    this.route()
  }

  async contacts(): Promise<null> {
    return null
  }

  async lookups(): Promise<null> {
    return null
  }

  private go(home: boolean, setup: SetupNetwork | null): void {
    this.home = home
    this.setup = setup
    this.route()
  }
}

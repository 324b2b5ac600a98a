import type { Server, Socket } from 'node:net'

/** A machine of the lab: somewhere that programs run and are reached. */
export interface Machine {
  /** The folder of its own files. */
  readonly folder: string
  /** The command that runs argv there. */
  command(argv: string[]): string[]
  /** Connects to a server there, as from that machine itself. */
  connect(host: string, port: number): Promise<Socket>
  /** Lets the test's own server be found there; the result ends that. */
  serve(host: string, port: number, server: Server): Promise<() => void>
}

/** What a setup network is for the phones around. */
export interface SetupNetwork {
  readonly ssid: string
  readonly device: DeviceGround
  /** The portal's address, host:port, as the device says. */
  readonly portal: string
}

export interface DeviceGround extends Machine {
  /** Where its portal is to listen. */
  readonly portal: string
  /** Where its setup network's DNS is to listen; null for nowhere. */
  readonly dns: string | null
  /** Where its control is to listen, which only the test reaches. */
  readonly control: { host: string; port: number }
}

export interface PhoneGround extends Machine {
  /** Joins the home WiFi. */
  joinHome(): Promise<void>
  joinSetup(network: SetupNetwork): Promise<void>
  /** Falls off the WiFi that it is on. */
  leave(): Promise<void>
  mobileData(on: boolean): Promise<void>
  /** Whom it has ever sent a packet to beyond itself, as "tcp 203.0.113.10:443"; null where nobody counts. */
  contacts(): Promise<string[] | null>
  /** The names that it has asked the home router or its carrier for; null where nobody listens. */
  lookups(): Promise<string[] | null>
}

/** A line's round trip in milliseconds, and what it carries in kbit/s. */
export interface Line {
  rtt: number
  down: number
  up: number
}

/** The ground under a test: its machines, and the networks between them. */
export interface Ground {
  readonly kind: 'namespaces' | 'loopback'
  /** Everything that the lab keeps on disk is in here. */
  readonly folder: string
  readonly cloud: Machine
  /** The cloud as people and devices are told of it. */
  readonly publicURL: string
  /** A device's portal as phones on its setup network find it. */
  readonly portalURL: string
  /** Where on the cloud's own loopback it serves plain HTTP, once it is up. */
  readonly apiPort: number
  /** Where devices find the cloud under TLS, once it is up. */
  readonly tlsPort: number
  /** What `tendril serve` is to be told of this ground. */
  cloudFlags(): string[]
  /** The ports that the cloud listens on, when it is up. */
  cloudIsUp(ports: { plain: number; tls: number }): void
  /** An address of the cloud's machine for one more page. */
  placeForPage(): Promise<{ host: string; port: number }>
  /** Makes the home network's way to the cloud slow, for phones. */
  slow(line: Line): Promise<void>
  addDevice(): Promise<DeviceGround>
  addPhone(): Promise<PhoneGround>
  stop(): Promise<void>
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { DeviceGround } from './ground/ground.ts'
import { Program } from './ground/process.ts'
import type { Lab } from './lab.ts'

export interface EdgentOptions {
  product: { id: string; name: string; vendor: string }
}

/** The published client library, as a device. */
const client = join(import.meta.dirname, '../story/npm/client.mjs')

/**
 * A device built with Edgent 1.x: its portal takes everything by GET, answers no
 * CORS and has no page of ours; once configured it closes its network, joins the
 * home WiFi and logs in, or comes back with last_error 701 or 702. On the cloud's
 * side it is the published blynk-library.
 */
export class EdgentDevice {
  readonly ssid: string
  /** Each request to its portal, as "GET /config?…", without values. */
  readonly asked: string[] = []
  online = false
  lastError = 0
  private readonly product: EdgentOptions['product']
  private close: (() => Promise<void>) | null = null
  private program: Program | null = null
  private stopped = false

  constructor(
    readonly ground: DeviceGround,
    private readonly lab: Lab,
    options: Partial<EdgentOptions>,
  ) {
    this.product = options.product ?? lab.product
    this.ssid = `${this.product.vendor} ${this.product.name}-A1B2`
  }

  async start(): Promise<void> {
    this.close = await this.lab.openNetwork(this.ground, this.ssid, (request, response) => this.answer(request, response))
  }

  async stop(): Promise<void> {
    this.stopped = true
    await this.close?.()
    await this.program?.stop()
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://192.168.4.1')
    this.asked.push(`${request.method} ${url.pathname} ${[...url.searchParams.keys()].sort().join()}`.trimEnd())
    const json = (status: number, doc: unknown) => {
      response.writeHead(status, { 'Content-Type': 'application/json' })
      response.end(JSON.stringify(doc))
    }
    switch (request.method === 'GET' && url.pathname) {
      case '/board_info.json':
        return json(200, {
          board: 'NodeMCU', tmpl_id: this.product.id, fw_type: this.product.id, fw_ver: '1.2.0', ssid: this.ssid, bssid: '5E:CF:7F:00:A1:B2',
          mac: '5C:CF:7F:00:A1:B2', last_error: this.lastError, wifi_scan: true, static_ip: true,
        })
      case '/wifi_scan.json':
        return json(200, [{ ssid: this.lab.home.ssid, bssid: '02:00:00:00:00:01', rssi: -50, sec: 'WPA2', ch: 6 }])
      case '/config':
        return this.configure(url.searchParams, json)
      case '/':
        response.writeHead(200, { 'Content-Type': 'text/html' })
        response.end('<!doctype html><title>WiFi setup</title><form action="config"><input name="ssid"><input name="pass"><input name="blynk"><input name="host"><input type="submit"></form>')
        return
      default:
        response.writeHead(302, { Location: 'http://192.168.4.1/' }).end()
    }
  }

  private configure(given: URLSearchParams, json: (status: number, doc: unknown) => void): void {
    const ssid = given.get('ssidManual') || given.get('ssid') || ''
    const token = given.get('blynk') ?? ''
    if (token.length !== 32 || ssid === '') return json(500, { status: 'error', msg: 'Configuration invalid' })
    json(200, { status: 'ok', msg: 'Trying to connect...' })
    const host = given.get('host') || 'blynk.cloud'
    const port = given.get('port_ssl') || '443'
    setTimeout(() => void this.tryOut(ssid, given.get('pass') ?? '', token, host, port), 1000)
  }

  private async tryOut(ssid: string, pass: string, token: string, host: string, port: string): Promise<void> {
    await this.close?.()
    this.close = null
    this.lastError = 0
    if (ssid !== this.lab.home.ssid || pass !== this.lab.home.password) this.lastError = 701
    else if (!(await this.logIn(token, host, port))) this.lastError = 702
    if (this.lastError && !this.stopped) await this.start()
  }

  private async logIn(token: string, host: string, port: string): Promise<boolean> {
    const program = new Program('the Edgent device', this.ground.command([process.execPath, client]), {
      log: join(this.ground.folder, 'edgent.log'),
      env: { TENDRIL_TOKEN: token, TENDRIL_HOST: host, TENDRIL_PORT: port, TENDRIL_CA: this.lab.cloud.authority() },
      line: (line) => {
        const { event } = JSON.parse(line) as { event: string }
        if (event === 'connect') this.online = true
        if (event === 'disconnect') this.online = false
      },
    })
    this.program = program
    try {
      await program.until(() => this.online, 'login')
    } catch {
      await program.stop()
    }
    return this.online
  }
}

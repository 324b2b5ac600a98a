import { Agent } from 'node:http'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import WebSocket from 'ws'
import type { Machine } from '../ground/ground.ts'
import { Program } from '../ground/process.ts'
import { type Browser, type Name, type Request, type Role, type Tab, eventually, now } from './browser.ts'
import { finder, wanted } from './find.ts'
import { trust } from './trust.ts'

/** Firefox's own business with its makers, which the lab's internet doesn't lead to. */
const quiet: Record<string, string | number | boolean> = {
  'app.normandy.enabled': false,
  'app.update.enabled': false,
  'devtools.jsonview.enabled': false,
  'browser.aboutwelcome.enabled': false,
  'browser.newtabpage.enabled': false,
  'browser.region.network.url': '',
  'browser.safebrowsing.downloads.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'browser.startup.page': 0,
  'browser.topsites.contile.enabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'dom.push.connection.enabled': false,
  'extensions.getAddons.cache.enabled': false,
  'extensions.systemAddon.update.enabled': false,
  'extensions.update.enabled': false,
  'media.gmp-manager.url': '',
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'network.dns.disablePrefetch': true,
  // Names that it asks for before it knows the rest of these.
  'network.dns.localDomains': 'firefox.settings.services.mozilla.com,push.services.mozilla.com,detectportal.firefox.com',
  'network.predictor.enabled': false,
  'network.prefetch-next': false,
  'services.settings.server': 'data:,#remote-settings-dummy/v1',
  'toolkit.telemetry.server': '',
}

type Message = { id?: number; type: string; method?: string; params?: unknown; result?: unknown; error?: string; message?: string }

interface BidiRequest {
  request: { request: string; bodySize: number | null; method: string; url: string; headers: { name: string; value: { value?: string } }[] }
}

type Value = { type: string; value?: unknown; sharedId?: string }

/** Debian's Firefox ESR, led by WebDriver BiDi, which it speaks itself. */
export class Firefox implements Browser {
  readonly kind = 'firefox'
  readonly requests: Request[] = []
  readonly errors: string[] = []
  private readonly pending = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>()
  private readonly opened: { context: string; originalOpener: string | null }[] = []
  private readonly reading = new Set<Promise<void>>()
  private last = 0

  static async start(machine: Machine, ca: string): Promise<Firefox> {
    const home = join(machine.folder, 'firefox')
    const profile = join(home, 'profile')
    await trust(profile, ca)
    writeFileSync(join(profile, 'user.js'), Object.entries(quiet).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`).join(''))
    mkdirSync(join(home, 'cache'))
    const log = join(home, 'firefox.log')
    const argv = ['firefox-esr', '--headless', '--no-remote', '--profile', profile, '--remote-debugging-port', '0']
    const program = new Program('Firefox', machine.command(argv), { log, env: { HOME: home, XDG_CACHE_HOME: join(home, 'cache'), MOZ_CRASHREPORTER_DISABLE: '1' } })
    const port = () => /WebDriver BiDi listening on ws:\/\/127\.0\.0\.1:(\d+)/.exec(readFileSync(log, 'utf8'))?.[1]
    await program.until(() => port() !== undefined, 'WebDriver BiDi', 30_000)
    const socket = await machine.connect('127.0.0.1', Number(port()))
    const agent = new Agent()
    agent.createConnection = () => socket
    const connection = new WebSocket(`ws://127.0.0.1:${port()}/session`, { agent, perMessageDeflate: false })
    await new Promise((resolve, reject) => connection.once('open', resolve).once('error', reject))
    const browser = new Firefox(profile, program, connection)
    await browser.send('session.new', { capabilities: {} })
    await browser.send('session.subscribe', { events: ['network.beforeRequestSent', 'browsingContext.contextCreated', 'log.entryAdded'] })
    await browser.send('network.addDataCollector', { dataTypes: ['request'], maxEncodedDataSize: 1 << 20 })
    return browser
  }

  private constructor(
    readonly profile: string,
    private readonly program: Program,
    private readonly connection: WebSocket,
  ) {
    connection.on('message', (data) => this.hear(JSON.parse(String(data)) as Message))
    connection.on('close', () => {
      for (const { reject } of this.pending.values()) reject(new Error('Firefox has ended'))
      this.pending.clear()
    })
  }

  async tab(): Promise<Tab> {
    const { context } = await this.send<{ context: string }>('browsingContext.create', { type: 'tab' })
    return new FirefoxTab(this, context)
  }

  async settled(): Promise<void> {
    await Promise.all(this.reading)
  }

  async close(): Promise<void> {
    await this.settled()
    await this.send('browser.close', {}).catch(() => {})
    await this.program.until(() => !this.program.running, 'end').catch(() => {})
    await this.program.stop()
  }

  /** A command of WebDriver BiDi. */
  send<T>(method: string, params: object): Promise<T> {
    const id = ++this.last
    return new Promise<T>((resolve, reject) => {
      this.pending.set(id, { resolve: resolve as (result: unknown) => void, reject })
      this.connection.send(JSON.stringify({ id, method, params }))
    })
  }

  /** The window that this one has opened after the first so many; null until there is one. */
  openedBy(context: string, after: number): string | null {
    return this.opened.slice(after).find(({ originalOpener }) => originalOpener === context)?.context ?? null
  }

  get openedSoFar(): number {
    return this.opened.length
  }

  private async readBody(request: string, recorded: Request): Promise<void> {
    const { bytes } = await this.send<{ bytes: { type: string; value: string } }>('network.getData', { dataType: 'request', request })
    recorded.body = bytes.type === 'base64' ? Buffer.from(bytes.value, 'base64').toString() : bytes.value
  }

  private hear(message: Message): void {
    if (message.id !== undefined) {
      const call = this.pending.get(message.id)
      this.pending.delete(message.id)
      if (message.type === 'success') call?.resolve(message.result)
      else call?.reject(new Error(`Firefox: ${message.error}: ${message.message}`))
      return
    }
    switch (message.method) {
      case 'network.beforeRequestSent': {
        const { request } = message.params as BidiRequest
        const headers = Object.fromEntries(request.headers.map(({ name, value }) => [name.toLowerCase(), value.value ?? '']))
        const recorded: Request = { method: request.method, url: request.url, headers, body: null }
        this.requests.push(recorded)
        if (request.bodySize) {
          const reading = this.readBody(request.request, recorded)
            .catch((error: unknown) => void this.errors.push(`the body of ${request.method} ${request.url} can't be read: ${String(error)}`))
            .finally(() => this.reading.delete(reading))
          this.reading.add(reading)
        }
        break
      }
      case 'browsingContext.contextCreated':
        this.opened.push(message.params as { context: string; originalOpener: string | null })
        break
      case 'log.entryAdded': {
        const entry = message.params as { level: string; text: string | null }
        if (entry.level === 'error') this.errors.push(entry.text ?? '')
      }
    }
  }
}

class FirefoxTab implements Tab {
  constructor(
    private readonly browser: Firefox,
    private readonly context: string,
  ) {}

  async go(url: string): Promise<void> {
    await this.browser.send('browsingContext.navigate', { context: this.context, url, wait: 'complete' })
  }

  async reload(): Promise<void> {
    await this.browser.send('browsingContext.reload', { context: this.context, wait: 'complete' })
  }

  async back(): Promise<void> {
    await this.browser.send('browsingContext.traverseHistory', { context: this.context, delta: -1 })
  }

  async url(): Promise<string> {
    const { contexts } = await this.browser.send<{ contexts: { url: string }[] }>('browsingContext.getTree', { root: this.context, maxDepth: 0 })
    return contexts[0]?.url ?? ''
  }

  async tap(role: Role, name: Name): Promise<void> {
    const origin = { type: 'element', element: await this.wait(role, name) }
    await this.act({
      type: 'pointer', id: 'finger', parameters: { pointerType: 'mouse' },
      actions: [{ type: 'pointerMove', x: 0, y: 0, origin }, { type: 'pointerDown', button: 0 }, { type: 'pointerUp', button: 0 }],
    })
  }

  async type(label: Name, text: string): Promise<void> {
    const field = await this.wait('textbox', label)
    await this.call('function (field) { field.focus(); field.select() }', [field])
    const keys = text === '' ? ['\uE017'] : [...text]
    await this.act({ type: 'key', id: 'keys', actions: keys.flatMap((value) => [{ type: 'keyDown', value }, { type: 'keyUp', value }]) })
  }

  async has(role: Role, name: Name): Promise<boolean> {
    return (await this.find(role, name)) !== null
  }

  async text(): Promise<string> {
    return this.evaluate('document.body ? document.body.innerText : ""')
  }

  async evaluate<T>(expression: string): Promise<T> {
    // BiDi has a notation of its own for values; JSON says the same in less.
    const { value } = await this.run('script.evaluate', { expression: `(async () => JSON.stringify(await (${expression})) ?? "null")()` })
    return JSON.parse(value as string) as T
  }

  async opens(act: () => Promise<void>): Promise<Tab> {
    const before = this.browser.openedSoFar
    await act()
    const context = await eventually(async () => this.browser.openedBy(this.context, before), async () => `no window was opened; ${await now(this)}`)
    return new FirefoxTab(this.browser, context)
  }

  get closed(): Promise<boolean> {
    return this.url().then(
      () => false,
      () => true,
    )
  }

  async close(): Promise<void> {
    await this.browser.send('browsingContext.close', { context: this.context })
  }

  private async act(source: object): Promise<void> {
    await this.browser.send('input.performActions', { context: this.context, actions: [source] })
  }

  private wait(role: Role, name: Name): Promise<{ sharedId: string }> {
    return eventually(
      () => this.find(role, name),
      async () => `there is no ${role} ${String(name)}; ${await now(this)}`,
    )
  }

  private async find(role: Role, name: Name): Promise<{ sharedId: string } | null> {
    const found = await this.call(finder, wanted(role, name).map(plainValue))
    return found.sharedId === undefined ? null : { sharedId: found.sharedId }
  }

  private call(functionDeclaration: string, values: object[]): Promise<Value> {
    return this.run('script.callFunction', { functionDeclaration, arguments: values })
  }

  private async run(method: string, params: object): Promise<Value> {
    const answer = await this.browser.send<{ type: string; result: Value; exceptionDetails?: { text: string } }>(method, {
      ...params, awaitPromise: true, userActivation: false, target: { context: this.context },
    })
    if (answer.type !== 'success') throw new Error(answer.exceptionDetails?.text ?? 'the script failed')
    return answer.result
  }
}

function plainValue(value: string | null): object {
  return value === null ? { type: 'null' } : { type: 'string', value }
}

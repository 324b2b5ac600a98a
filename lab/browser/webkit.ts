import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../ground/loopback.ts'
import type { Machine } from '../ground/ground.ts'
import { ask } from '../ground/http.ts'
import { Program } from '../ground/process.ts'
import { type Browser, type Name, type Role, type Tab, eventually, now } from './browser.ts'
import { finder, wanted } from './find.ts'

/** The key of an element in WebDriver's JSON. */
const elementKey = 'element-6066-11e4-a52e-4f735466cecf'

type Element = Record<typeof elementKey, string>

/**
 * WebKitGTK's small browser, led by WebDriver. It keeps nothing on disk, and tells
 * neither requests nor the console.
 */
export class WebKit implements Browser {
  readonly kind = 'webkit'
  readonly profile = null
  readonly requests = null
  readonly errors: string[] = []
  private session = ''
  private first = true

  /** display is an X server's, as ":1". */
  static async start(machine: Machine, display: string, trusted: boolean): Promise<WebKit> {
    const home = join(machine.folder, 'webkit')
    for (const part of ['config', 'cache', 'data', 'run']) mkdirSync(join(home, part), { recursive: true, mode: 0o700 })
    const port = await freePort()
    const env = {
      HOME: home, DISPLAY: display, GDK_BACKEND: 'x11', XDG_CONFIG_HOME: join(home, 'config'), XDG_CACHE_HOME: join(home, 'cache'),
      XDG_DATA_HOME: join(home, 'data'), XDG_RUNTIME_DIR: join(home, 'run'), DBUS_SESSION_BUS_ADDRESS: 'disabled:', GSETTINGS_BACKEND: 'memory', NO_AT_BRIDGE: '1',
      LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_COMPOSITING_MODE: '1',
    }
    const program = new Program('WebKitWebDriver', machine.command(['WebKitWebDriver', '--host=127.0.0.1', `--port=${port}`]), { log: join(home, 'webkit.log'), env })
    const browser = new WebKit(program, machine, port)
    await program.until(() => browser.send('GET', '/status').then(() => true, () => false), 'WebDriver')
    const binary = ['/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser', '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.0/MiniBrowser'].find(existsSync)
    const capabilities = { alwaysMatch: { browserName: 'MiniBrowser', acceptInsecureCerts: !trusted, 'webkitgtk:browserOptions': { binary, args: ['--automation'] } } }
    const made = await browser.send<{ sessionId: string }>('POST', '/session', { capabilities })
    browser.session = `/session/${made.sessionId}`
    return browser
  }

  private constructor(
    private readonly program: Program,
    private readonly machine: Machine,
    private readonly port: number,
  ) {}

  async tab(): Promise<Tab> {
    if (this.first) {
      this.first = false
      return new WebKitTab(this, await this.in('GET', '/window'))
    }
    // A tab that isn't in front can't open windows.
    const { handle } = await this.in<{ handle: string }>('POST', '/window/new', { type: 'window' })
    return new WebKitTab(this, handle)
  }

  async close(): Promise<void> {
    await this.in('DELETE', '').catch(() => {})
    await this.program.stop()
  }

  /** A command of WebDriver in the session. */
  in<T>(method: string, path: string, body?: object): Promise<T> {
    return this.send(method, this.session + path, body)
  }

  private async send<T>(method: string, path: string, body?: object): Promise<T> {
    const socket = await this.machine.connect('127.0.0.1', this.port)
    const answer = await ask(socket, method, path, { host: `127.0.0.1:${this.port}`, ...(method === 'POST' && { body: JSON.stringify(body ?? {}) }) })
    const { value } = JSON.parse(answer.body) as { value: T & { error?: string; message?: string } }
    if (answer.status !== 200) throw new Error(`WebKit: ${value.error}: ${value.message}`)
    return value
  }
}

/** One window; WebDriver has one in hand at a time. */
class WebKitTab implements Tab {
  constructor(
    private readonly browser: WebKit,
    private readonly handle: string,
  ) {}

  async go(url: string): Promise<void> {
    await this.in('POST', '/url', { url })
  }

  async reload(): Promise<void> {
    await this.in('POST', '/refresh')
  }

  async back(): Promise<void> {
    await this.in('POST', '/back')
  }

  async url(): Promise<string> {
    return this.in('GET', '/url')
  }

  async tap(role: Role, name: Name): Promise<void> {
    const element = await this.wait(role, name)
    await this.in('POST', `/element/${element[elementKey]}/click`)
  }

  async type(label: Name, text: string): Promise<void> {
    const { [elementKey]: field } = await this.wait('textbox', label)
    await this.in('POST', `/element/${field}/clear`)
    if (text) await this.in('POST', `/element/${field}/value`, { text })
  }

  async has(role: Role, name: Name): Promise<boolean> {
    return (await this.find(role, name)) !== null
  }

  async text(): Promise<string> {
    return this.evaluate('document.body ? document.body.innerText : ""')
  }

  async evaluate<T>(expression: string): Promise<T> {
    const [ok, value] = await this.in<[boolean, T | string]>('POST', '/execute/async', {
      script: `const done = arguments[arguments.length - 1]; (async () => (${expression}))().then((value) => done([true, value ?? null]), (error) => done([false, String(error)]))`,
      args: [],
    })
    if (!ok) throw new Error(value as string)
    return value as T
  }

  async opens(act: () => Promise<void>): Promise<Tab> {
    const before = new Set(await this.handles())
    await act()
    const handle = await eventually(
      async () => (await this.handles()).find((handle) => !before.has(handle)) ?? null,
      async () => `no window was opened; ${await now(this)}`,
    )
    return new WebKitTab(this.browser, handle)
  }

  get closed(): Promise<boolean> {
    return this.handles().then((handles) => !handles.includes(this.handle))
  }

  async close(): Promise<void> {
    await this.in('DELETE', '/window')
  }

  private handles(): Promise<string[]> {
    return this.browser.in('GET', '/window/handles')
  }

  private wait(role: Role, name: Name): Promise<Element> {
    return eventually(
      () => this.find(role, name),
      async () => `there is no ${role} ${String(name)}; ${await now(this)}`,
    )
  }

  private find(role: Role, name: Name): Promise<Element | null> {
    return this.in('POST', '/execute/sync', { script: `return (${finder}).apply(null, arguments)`, args: wanted(role, name) })
  }

  private async in<T>(method: string, path: string, body?: object): Promise<T> {
    await this.browser.in('POST', '/window', { handle: this.handle })
    return this.browser.in(method, path, body)
  }
}

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BrowserContext, type CDPSession, chromium, type Page } from 'playwright-core'
import type { Machine } from '../ground/ground.ts'
import { type Browser, type Name, patience, type Request, type Role, type Tab } from './browser.ts'
import { trust } from './trust.ts'

export interface ChromiumOptions {
  /** Addresses, host:port, that are to pass for the internet's though they are on loopback. */
  publicAddresses?: string[]
  viewport?: { width: number; height: number }
  colorScheme?: 'light' | 'dark'
  locale?: string
  reducedMotion?: 'reduce' | 'no-preference'
  /** Whether pages may run scripts. */
  scripts?: boolean
  /** Where it speaks its DevTools protocol beside, on the phone's own loopback. */
  debuggingPort?: number
}

/** Debian's Chromium, led by playwright-core. */
export class Chromium implements Browser {
  readonly kind = 'chromium'
  readonly requests: Request[] = []
  readonly errors: string[] = []
  private readonly weighing: Promise<{ url: string; bytes: number } | null>[] = []
  private devtools: CDPSession | null = null

  static async start(machine: Machine, ca: string, options: ChromiumOptions): Promise<Chromium> {
    const home = join(machine.folder, 'chromium')
    const profile = join(home, 'profile')
    await trust(join(home, '.pki/nssdb'), ca)
    mkdirSync(profile, { recursive: true })
    const program = join(home, 'chromium')
    writeFileSync(program, `#!/bin/sh\nexec ${machine.command(['/usr/bin/chromium']).map(quote).join(' ')} "$@"\n`)
    chmodSync(program, 0o755)
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: program,
      chromiumSandbox: false,
      env: { ...(process.env as Record<string, string>), HOME: home, XDG_CONFIG_HOME: join(home, 'config'), XDG_CACHE_HOME: join(home, 'cache') },
      args: [
        '--disable-gpu', '--disable-quic', '--disable-sync', '--disable-background-networking', '--disable-component-update', '--no-first-run',
        // Its own business with its makers, which no flag ends.
        '--host-resolver-rules=MAP *.google.com ~NOTFOUND, MAP *.googleapis.com ~NOTFOUND',
        ...(options.debuggingPort ? [`--remote-debugging-port=${options.debuggingPort}`] : []),
        ...(options.publicAddresses ? [`--ip-address-space-overrides=${options.publicAddresses.map((address) => `${address}=public`).join()}`] : []),
      ],
      viewport: options.viewport ?? { width: 390, height: 844 },
      colorScheme: options.colorScheme ?? 'light',
      locale: options.locale ?? 'en-GB',
      reducedMotion: options.reducedMotion ?? 'no-preference',
      javaScriptEnabled: options.scripts ?? true,
      serviceWorkers: 'allow',
    })
    context.setDefaultTimeout(patience)
    return new Chromium(profile, context)
  }

  private constructor(
    readonly profile: string,
    readonly context: BrowserContext,
  ) {
    context.on('request', (request) => {
      this.requests.push({ method: request.method(), url: request.url(), headers: request.headers(), body: request.postData() })
    })
    context.on('requestfinished', (request) => {
      // A page that closes meanwhile takes the answer with it.
      this.weighing.push(request.sizes().then(({ responseBodySize }) => ({ url: request.url(), bytes: responseBodySize }), () => null))
    })
    context.on('console', (message) => {
      if (message.type() === 'error') this.errors.push(message.text())
    })
    context.on('weberror', (error) => this.errors.push(String(error.error())))
  }

  async tab(): Promise<ChromiumTab> {
    const [first] = this.context.pages()
    // The window that it starts with is empty, and used up by the first.
    const page = first && first.url() === 'about:blank' && !(await first.opener()) ? first : await this.context.newPage()
    return new ChromiumTab(page)
  }

  /** What the customer says when the origin asks for the local network. */
  async localNetwork(origin: string, setting: 'granted' | 'denied' | 'prompt'): Promise<void> {
    // An override lasts as long as the session that made it.
    this.devtools ??= await this.context.browser()!.newBrowserCDPSession()
    for (const name of ['local-network-access', 'local-network', 'loopback-network']) {
      await this.devtools.send('Browser.setPermission', { permission: { name }, setting, origin })
    }
  }

  /** What each answer so far weighed as it came over the line, in bytes without headers. */
  async weights(): Promise<{ url: string; bytes: number }[]> {
    return (await Promise.all(this.weighing)).filter((weight) => weight !== null)
  }

  async close(): Promise<void> {
    await this.context.close()
  }
}

/** A tab of Chromium; page is playwright's, for what only that can do. */
export class ChromiumTab implements Tab {
  constructor(readonly page: Page) {}

  async go(url: string): Promise<void> {
    await this.page.goto(url)
  }

  async reload(): Promise<void> {
    await this.page.reload()
  }

  async back(): Promise<void> {
    await this.page.goBack()
  }

  async url(): Promise<string> {
    return this.page.url()
  }

  async tap(role: Role, name: Name): Promise<void> {
    const target = this.page.getByRole(role, { name })
    // People tap what is written beside a circle or a box.
    const label = this.page.locator('label').filter({ has: target })
    await target.or(label).last().waitFor({ state: 'attached' })
    await ((await label.count()) > 0 ? label : target).click()
  }

  async type(label: Name, text: string): Promise<void> {
    await this.page.getByLabel(label).and(this.page.locator('input, textarea, select')).fill(text)
  }

  async has(role: Role, name: Name): Promise<boolean> {
    return (await this.page.getByRole(role, { name }).count()) > 0
  }

  async text(): Promise<string> {
    return this.page.evaluate('document.body ? document.body.innerText : ""')
  }

  async evaluate<T>(expression: string): Promise<T> {
    return this.page.evaluate(expression)
  }

  async opens(act: () => Promise<void>): Promise<ChromiumTab> {
    const [popup] = await Promise.all([this.page.waitForEvent('popup'), act()])
    return new ChromiumTab(popup)
  }

  get closed(): Promise<boolean> {
    return Promise.resolve(this.page.isClosed())
  }

  async close(): Promise<void> {
    await this.page.close()
  }
}

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}

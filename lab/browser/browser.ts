/** What runs on a phone and shows pages to a customer. */
export type Kind = 'chromium' | 'firefox' | 'webkit'

export const kinds: Kind[] = ['chromium', 'firefox', 'webkit']

/** A request that a page, a window or a service worker made. */
export interface Request {
  method: string
  url: string
  headers: Record<string, string>
  /** What was sent; null where there was nothing, or where this browser doesn't tell. */
  body: string | null
}

/** The roles of what a customer taps and reads, as ARIA names them. */
export type Role = 'button' | 'link' | 'heading' | 'textbox' | 'checkbox' | 'radio' | 'switch' | 'combobox' | 'option' | 'slider' | 'dialog' | 'alert' | 'status'

export type Name = string | RegExp

/**
 * One page of a browser, as its customer sees and touches it: things are found by
 * role and accessible name, taps and keys are real, and what isn't there yet is
 * waited for. It does the same in every browser.
 */
export interface Tab {
  /** Goes to an address; resolves when the page is loaded. */
  go(url: string): Promise<void>
  reload(): Promise<void>
  back(): Promise<void>
  url(): Promise<string>
  tap(role: Role, name: Name): Promise<void>
  /** Replaces what stands in the field with that label. */
  type(label: Name, text: string): Promise<void>
  /** Whether it is there and visible now. */
  has(role: Role, name: Name): Promise<boolean>
  /** All text that is visible now. */
  text(): Promise<string>
  /** The value of a JavaScript expression; promises are awaited. */
  evaluate<T>(expression: string): Promise<T>
  /** The window that the act opens. */
  opens(act: () => Promise<void>): Promise<Tab>
  readonly closed: Promise<boolean>
  close(): Promise<void>
}

/** A browser with a profile of its own on a phone. */
export interface Browser {
  readonly kind: Kind
  /** Where it keeps what it keeps; null where it keeps nothing on disk. */
  readonly profile: string | null
  /** All requests so far; null where the browser doesn't tell. */
  readonly requests: Request[] | null
  /** What pages wrote to the console as errors, and what they threw. */
  readonly errors: string[]
  tab(): Promise<Tab>
  /** Resolves when the bodies of all requests so far are known, where they come after them. */
  settled?(): Promise<void>
  close(): Promise<void>
}

/** How long something on a page may take to come, in milliseconds. */
export const patience = 15_000

/** Tries until it gives something other than null or false; then throws what it would have wished for. */
export async function eventually<T>(look: () => Promise<T | null | false>, otherwise: () => Promise<string>, timeout = patience): Promise<T> {
  const deadline = Date.now() + timeout
  for (;;) {
    const found = await look()
    if (found !== null && found !== false) return found
    if (Date.now() > deadline) throw new Error(await otherwise())
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Waits until the page shows it; gives the whole of what it shows then. */
export async function reads(tab: Tab, wanted: Name, timeout = patience): Promise<string> {
  let shown = ''
  return eventually(
    async () => {
      shown = plain(await tab.text())
      return (typeof wanted === 'string' ? shown.includes(wanted) : wanted.test(shown)) && shown
    },
    async () => `the page never says ${String(wanted)}; ${await now(tab)}`,
    timeout,
  )
}

/** Says where the page is and what it says, for errors. */
export async function now(tab: Tab): Promise<string> {
  return `the page is at ${await tab.url()} and says:\n${plain(await tab.text()).slice(0, 3000)}`
}

/** Text with every run of white space as one space. */
export function plain(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

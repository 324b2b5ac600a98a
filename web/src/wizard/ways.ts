import { isLoopback } from './direct.ts'

/** How the page reaches the device, from best to last. */
export type Way = 'direct' | 'window' | 'hop' | 'by_hand'

/** What the browser says of reaching devices on the local network. */
export type LocalAccess = 'granted' | 'ask' | 'denied' | 'unsupported'

interface Permissions {
  query(descriptor: { name: string }): Promise<{ state: string }>
}

/** The parts of a browser that tell which way may work. */
export interface Browser {
  readonly permissions?: Permissions | undefined
  /** The page's own address. */
  readonly page: URL
  /** Whether its requests can name an address space, as with Local Network Access. */
  readonly addressSpaces: boolean
}

/** Whether this browser's requests can name an address space. */
export function namesAddressSpaces(): boolean {
  return 'targetAddressSpace' in Request.prototype
}

// Local Network Access was renamed while it came: 142 has the first.
const names = ['local-network', 'local-network-access']

/** Asks the browser, without asking the customer. */
export async function localAccess(portalUrl: string, browser: Browser): Promise<LocalAccess> {
  const portal = new URL(portalUrl)
  // Firefox asks for the permission, too, but it lifts no mixed content there.
  if (browser.page.protocol === 'https:' && !browser.addressSpaces) return 'unsupported'
  // A page of this machine may reach this machine, and a plain page plain addresses.
  if (isLoopback(portal.hostname) && isLoopback(browser.page.hostname)) return 'granted'
  for (const name of isLoopback(portal.hostname) ? ['loopback-network', ...names] : names) {
    try {
      const state = (await browser.permissions?.query({ name }))?.state
      if (state === 'granted') return 'granted'
      if (state === 'prompt') return 'ask'
      if (state === 'denied') return 'denied'
    } catch {
      // This browser doesn't know that name.
    }
  }
  // Without the permission a secure page's plain request is mixed content.
  return browser.page.protocol === 'http:' ? 'granted' : 'unsupported'
}

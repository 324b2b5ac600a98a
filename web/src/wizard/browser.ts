/** The world as a browser gives it to the wizard. */
import { keepForOffline } from '../offline.ts'
import { cloudPort } from './cloud.ts'
import { DirectLink } from './direct.ts'
import { edgentLink, sendToEdgent } from './edgent.ts'
import { randomId } from './id.ts'
import { browserMemory } from './memory.ts'
import { hopLink, readHop, returned } from './messages.ts'
import type { WizardProduct } from './product.ts'
import { localAccess, namesAddressSpaces } from './ways.ts'
import { WindowLink } from './window.ts'
import type { World } from './world.ts'

/** Gives the wizard the browser that the page is in; words are the texts of the device's page, in the customer's language. */
export function browserWorld(product: WizardProduct, words: () => Record<string, string>): World {
  const portal = product.portal_url
  const fragment = location.hash
  // What a hop brought is read once, and then no part of the address.
  if (fragment.startsWith(returned)) history.replaceState(null, '', location.pathname)
  let sight = readHop(fragment)
  return {
    cloud: cloudPort,
    memory: browserMemory(product.product_id),
    access: () => localAccess(portal, { permissions: navigator.permissions as unknown as { query(descriptor: { name: string }): Promise<{ state: string }> }, page: new URL(location.href), addressSpaces: namesAddressSpaces() }),
    direct: () => new DirectLink(portal),
    window: () => new WindowLink(portal, { lang: document.documentElement.lang, texts: words() }),
    leave: () => location.assign(hopLink(portal, location.origin + location.pathname)),
    returned() {
      const seen = sight
      sight = null
      return seen
    },
    finish: (deviceId) => history.replaceState(deviceId && { finished: deviceId }, ''),
    finished() {
      const state: unknown = history.state
      return typeof state === 'object' && state !== null && 'finished' in state && typeof state.finished === 'string' ? state.finished : null
    },
    edgent: {
      reach: () => sendToEdgentProbe(portal),
      send: (parameters) => sendToEdgent(portal, parameters),
      navigate: (parameters) => void open(edgentLink(portal, parameters), 'tendril-device'),
    },
    keep: keepForOffline,
    claim: (take, lost) => claim(`tendril-wizard-${product.product_id}`, take, lost),
    newKey: randomId,
    timeZone: () => Intl.DateTimeFormat().resolvedOptions().timeZone || '',
    now: () => Date.now(),
    wait: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
  }
}

/** Looks whether anything answers at the portal; the browser may ask the customer first. */
async function sendToEdgentProbe(portal: string): Promise<void> {
  await sendToEdgent(portal, {}, (_, options) => fetch(new URL('/board_info.json', portal), options))
}

/** Claims a name among the tabs of this browser; where browsers have no locks, every tab has it. */
function claim(name: string, take: boolean, lost: () => void): Promise<(() => void) | null> {
  if (!('locks' in navigator)) return Promise.resolve(() => {})
  return new Promise((resolve) => {
    navigator.locks
      .request(name, take ? { steal: true } : { ifAvailable: true }, (lock) => {
        if (lock === null) return resolve(null)
        // Held until it is given back, the page goes, or another tab takes it.
        return new Promise<void>((release) => resolve(release))
      })
      .catch(lost)
  })
}

/** Installing the app from its page. */
import { recall, remember } from '../storage.ts'
import { platformOf } from '../wizard/platform.ts'

/** Chromium's own event (WICG, beforeinstallprompt). */
interface InstallPrompt extends Event {
  prompt(): Promise<{ outcome: 'accepted' | 'dismissed' }>
}

const key = 'tendril.install.dismissed'

let prompt = $state.raw<InstallPrompt | null>(null)
let dismissed = $state(recall(key) !== null)

addEventListener('beforeinstallprompt', (event) => {
  // The page offers it itself, where it is in nobody's way.
  event.preventDefault()
  prompt = event as InstallPrompt
})
addEventListener('appinstalled', () => {
  prompt = null
})

/** What the customer can do to install the app: ask the browser, do it by hand, or nothing. */
export function installing(): 'prompt' | 'ios' | null {
  if (dismissed || matchMedia('(display-mode: standalone)').matches) return null
  if (prompt) return 'prompt'
  return platformOf(navigator) === 'ios' ? 'ios' : null
}

export async function install(): Promise<void> {
  const asked = prompt
  // A prompt can be shown once.
  prompt = null
  await asked?.prompt()
}

export function dismissInstall(): void {
  dismissed = true
  remember(key, 'yes')
}

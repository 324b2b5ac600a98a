/** What the app sends the customer to the wizard for, in this tab. */
export interface Intent {
  /** The device to move to another WiFi. */
  deviceId: string
}

const key = 'tendril.intent'
let kept: Intent | null = null

export function setIntent(intent: Intent): void {
  kept = intent
  try {
    sessionStorage.setItem(key, JSON.stringify(intent))
  } catch {
    // Without storage it lasts as long as the page.
  }
}

/** The intent, which is then no more. */
export function takeIntent(): Intent | null {
  let intent = kept
  kept = null
  try {
    const text = sessionStorage.getItem(key)
    sessionStorage.removeItem(key)
    const read: unknown = text && JSON.parse(text)
    if (typeof read === 'object' && read !== null && 'deviceId' in read && typeof read.deviceId === 'string') intent = { deviceId: read.deviceId }
  } catch {
    // Unreadable is as good as none.
  }
  return intent
}

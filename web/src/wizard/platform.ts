/** The systems that join a WiFi each in their own way. */
export const platforms = ['ios', 'android', 'windows', 'macos', 'linux'] as const

export type Platform = (typeof platforms)[number]

/** Guesses the system from what the browser says of itself; the customer can say otherwise. */
export function platformOf(browser: { userAgent: string; maxTouchPoints: number }): Platform {
  const agent = browser.userAgent
  if (/iPhone|iPad|iPod/.test(agent)) return 'ios'
  // An iPad passes itself off as a Mac, but Macs have no touch screen.
  if (/Macintosh/.test(agent)) return browser.maxTouchPoints > 1 ? 'ios' : 'macos'
  if (/Android/.test(agent)) return 'android'
  if (/Windows/.test(agent)) return 'windows'
  return /Linux|CrOS/.test(agent) ? 'linux' : 'android'
}

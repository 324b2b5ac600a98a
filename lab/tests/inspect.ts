import { expect } from 'vitest'
import { inaccessible, sticksOut } from '../browser/audit.ts'
import type { ChromiumTab } from '../browser/chromium.ts'

/** The windows that every page must fit in without a way to the side: a small phone, and a desktop at 200 %. */
const windows = [
  { width: 320, height: 568 },
  { width: 640, height: 400 },
]

/** Looks the page over as it stands: axe in light and dark, small windows. */
export async function inspect(tab: ChromiumTab, what: string): Promise<void> {
  const before = tab.page.viewportSize()
  // What moves is judged where it comes to rest.
  await tab.page.emulateMedia({ reducedMotion: 'reduce' })
  for (const colorScheme of ['light', 'dark'] as const) {
    await tab.page.emulateMedia({ colorScheme })
    expect(await inaccessible(tab), `${what}, ${colorScheme}`).toEqual([])
  }
  for (const window of windows) {
    await tab.page.setViewportSize(window)
    // What measures its place, as a chart does, takes a frame or two to follow.
    await expect.poll(() => sticksOut(tab), { message: `${what} at ${window.width} px`, timeout: 3000 }).toEqual([])
  }
  if (before) await tab.page.setViewportSize(before)
}

/** No text may be shown by its key, as one is that lacks a word it needs. */
export async function worded(tab: ChromiumTab, what: string): Promise<void> {
  expect(await tab.text(), what).not.toMatch(/\b(wizard|app|common)\.[a-z_]+[.\w]*/)
}

import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import type { AxeResults } from 'axe-core'
import { eventually, now } from './browser.ts'
import type { ChromiumTab } from './chromium.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds wrong with the page, each with where; best practices are rules too. */
export async function inaccessible(tab: ChromiumTab): Promise<string[]> {
  await tab.evaluate(`${axe}; undefined`)
  const { violations } = await tab.evaluate<AxeResults>('axe.run(document, { resultTypes: ["violations"] })')
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${help} (${target.join(' ')}) ${failureSummary ?? ''}`))
}

/** What sticks out of the window to the side, which nobody should have to scroll to. */
export async function sticksOut(tab: ChromiumTab): Promise<string[]> {
  return tab.evaluate(`[...document.querySelectorAll('body *')].filter((e) => {
    const { left, right, width } = e.getBoundingClientRect()
    let around = e.parentElement
    while (around && !/auto|scroll|hidden|clip/.test(getComputedStyle(around).overflowX)) around = around.parentElement
    return width > 0 && e.checkVisibility() && !around && (left < -1 || right > document.documentElement.clientWidth + 1)
  }).map((e) => e.outerHTML.slice(0, 120))`)
}

/**
 * Goes to the address and gives the milliseconds from there until the element is
 * visible and the page has time for a tap, as the page itself measures it.
 */
export async function interactiveAfter(tab: ChromiumTab, url: string, selector: string): Promise<number> {
  await tab.page.addInitScript(`{
    const look = () => {
      const found = document.querySelector(${JSON.stringify(selector)})
      if (!found?.checkVisibility()) return requestAnimationFrame(look)
      // A frame shows it, and what came before a new task is done.
      requestAnimationFrame(() => setTimeout(() => { globalThis.interactiveAfter = performance.now() }))
    }
    requestAnimationFrame(look)
  }`)
  await tab.page.goto(url, { waitUntil: 'commit' })
  return eventually(
    () => tab.evaluate<number | null>('globalThis.interactiveAfter ?? null'),
    async () => `there is never a ${selector}; ${await now(tab)}`,
    30_000,
  )
}

/** Makes the tab's processor slower by that factor. */
export async function slowProcessor(tab: ChromiumTab, factor: number): Promise<void> {
  const session = await tab.page.context().newCDPSession(tab.page)
  await session.send('Emulation.setCPUThrottlingRate', { rate: factor })
}

export function median(numbers: number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!
}
